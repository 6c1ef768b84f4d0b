//! The jobs that come with the project.

use std::path::Path;
use std::sync::Arc;

use super::{Schemas, Store, env};
use crate::{CompileEnv, Statement, compile};

#[test]
fn every_job_compiles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bootstrap/jobs");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 9);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let environment = CompileEnv { resolver: Arc::new(Store), schemas: Arc::new(Schemas), ..env() };
        let statements = runtime.block_on(compile(&text, &name, &environment)).unwrap_or_else(|e| panic!("{e}"));
        assert!(!statements.is_empty(), "{name}");
        let streaming = statements.iter().any(|s| matches!(s, Statement::Query(q) if q.stream.is_some()));
        assert_eq!(streaming, name.contains("streaming"), "{name}");
    }
}
