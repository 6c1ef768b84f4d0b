//! What AWS is used for, against a stand-in on this machine: parameters and objects.

use std::process::Command;

use anyhow::{Result, ensure};
use millstream_common::domain::failure::FailureClass;
use millstream_common::options::Options;
use millstream_driver::ssm::{self, SsmError};
use millstream_plan::spec::{FileFormat, FileSource};
use millstream_store::{Cause, Created, Store, table};
use millstream_tests::moto::Moto;

/// Runs an ignored test of this binary in a process of its own: AWS clients read the environment, which a running process
/// must not change.
fn in_process(test: &str, environment: &[(&str, String)]) -> Result<()> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "--nocapture", test])
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("AWS_")))
        .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
        .output()?;
    let (out, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(
        output.status.success() && out.contains("1 passed"),
        "{test} failed:\n{out}\n{said}"
    );
    Ok(())
}

#[test]
fn parameters_are_read_decrypted_and_in_chunks() -> Result<()> {
    let moto = Moto::start()?;
    moto.prepare(
        "ssm = boto3.client('ssm')\n\
         for n in range(12):\n    \
             kind = 'SecureString' if n == 3 else 'String'\n    \
             ssm.put_parameter(Name=f'/millstream/p{n}', Value=f'value {n}', Type=kind)\n",
    )?;
    in_process("inside_parameters", &moto.environment())
}

#[tokio::test]
#[ignore = "run by parameters_are_read_decrypted_and_in_chunks"]
async fn inside_parameters() {
    let names: Vec<String> = (0..12).map(|n| format!("/millstream/p{n}")).collect();
    let values = ssm::resolve(&names).await.unwrap();
    for (n, name) in names.iter().enumerate() {
        assert_eq!(
            values[name].expose(),
            format!("value {n}"),
            "an encrypted one is decrypted"
        );
    }
    assert!(!format!("{values:?}").contains("value"), "values are not printed");
    let missing = [
        "/millstream/none".to_owned(),
        names[0].clone(),
        "/millstream/nor-this".to_owned(),
    ];
    let error = ssm::resolve(&missing).await.unwrap_err();
    assert!(
        matches!(&error, SsmError::NotFound { names, .. } if names.len() == 2),
        "{error}"
    );
    assert!(
        error.to_string().contains("/millstream/none, /millstream/nor-this"),
        "{error}"
    );
}

#[test]
fn without_credentials_or_region_the_message_says_what_to_set() -> Result<()> {
    let mut environment = Moto::start()?.environment();
    environment.retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    in_process("inside_no_credentials", &environment)?;
    environment.retain(|(name, _)| !name.contains("REGION") && *name != "AWS_ENDPOINT_URL");
    in_process("inside_no_region", &environment)
}

#[tokio::test]
#[ignore = "run by without_credentials_or_region_the_message_says_what_to_set"]
async fn inside_no_credentials() {
    let error = ssm::resolve(&["/a".to_owned()]).await.unwrap_err();
    assert!(matches!(error, SsmError::NoCredentials { .. }), "{error}");
    let error = Store::open("s3://bucket").unwrap().read("a").await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoCredentials), "{error}: {error:?}");
}

#[tokio::test]
#[ignore = "run by without_credentials_or_region_the_message_says_what_to_set"]
async fn inside_no_region() {
    let error = ssm::resolve(&["/a".to_owned()]).await.unwrap_err();
    assert!(error.to_string().contains("set AWS_REGION"), "{error}");
    let error = Store::open("s3://bucket").unwrap().read("a").await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoRegion), "{error}");
}

#[test]
fn a_bucket_keeps_what_a_store_promises() -> Result<()> {
    let moto = Moto::start()?;
    moto.create_bucket("checkpoints")?;
    for inside in ["inside_bucket", "inside_tables", "inside_no_bucket"] {
        in_process(inside, &moto.environment())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_bucket_keeps_what_a_store_promises"]
async fn inside_bucket() {
    let store = Store::open("s3a://checkpoints/jobs/a b=c/").unwrap();
    assert_eq!(store.read("offsets/0").await.unwrap(), None);
    assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());

    let racers: Vec<_> = (0..8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.create("commits/0", format!("writer {n}")).await.unwrap() })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap().is_new());
    }
    assert_eq!(winners, 1);
    let found = store.read("commits/0").await.unwrap().unwrap();
    assert_eq!(store.create("commits/0", "late").await.unwrap(), Created::AlreadyExists);
    assert_eq!(
        store.create("commits/0", found).await.unwrap(),
        Created::Now,
        "one's own lost answer"
    );

    for name in ["offsets/9", "offsets/10", "offsetsX/1", "state/0/1.arrow"] {
        store.put(name, name.to_owned()).await.unwrap();
    }
    assert_eq!(store.list("offsets").await.unwrap(), ["offsets/10", "offsets/9"]);
    assert_eq!(store.read("offsets/9").await.unwrap().unwrap(), "offsets/9");
    store.delete("offsets/9").await.unwrap();
    store.delete("offsets/9").await.unwrap();
    assert_eq!(store.list("offsets").await.unwrap(), ["offsets/10"]);
    store.remove_all().await.unwrap();
    assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "run by a_bucket_keeps_what_a_store_promises"]
async fn inside_tables() {
    let source = |path: &str| FileSource {
        format: FileFormat::Json,
        path: path.to_owned(),
        options: [("mode", "PERMISSIVE")].into_iter().collect(),
    };
    let store = Store::open("s3://checkpoints/in").unwrap();
    store.put("a.json", "{\"id\":1}\n").await.unwrap();
    store.put("day=2/b.json", "{\"id\":2}\n{\"id\":3}\n").await.unwrap();
    store.put("_hidden.json", "{\"id\":9}\n").await.unwrap();
    for (path, expected) in [
        ("s3a://checkpoints/in", 3),
        ("s3://checkpoints/in/", 3),
        ("s3://checkpoints/in/a.json", 1),
        ("s3://checkpoints/i*/day=[0-9]/*.json", 2),
    ] {
        let (_, batches) = table::read(&source(path), None, &millstream_spark::zone::Tz::UTC)
            .await
            .unwrap();
        assert_eq!(
            batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
            expected,
            "{path}"
        );
        if expected == 3 {
            let out = table::FileSink::open("s3://checkpoints/out", FileFormat::Parquet, &Options::default()).unwrap();
            let mut writer = out
                .writer(&batches[0].schema(), &millstream_spark::zone::Tz::UTC)
                .unwrap();
            for batch in &batches {
                writer.write(batch).unwrap();
            }
            let part = writer.finish(0).await.unwrap();
            let batch = if path.ends_with('/') { 1 } else { 0 };
            assert!(out.commit_stream(batch, &[part]).await.unwrap().is_new());
        }
    }
    let out = FileSource {
        format: FileFormat::Parquet,
        options: Options::default(),
        ..source("s3://checkpoints/out")
    };
    let (_, batches) = table::read(&out, None, &millstream_spark::zone::Tz::UTC).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 6);
    let error = table::read(
        &source("s3://checkpoints/none.json"),
        None,
        &millstream_spark::zone::Tz::UTC,
    )
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no JSON file matches 's3://checkpoints/none.json'"),
        "{error}"
    );
}

#[tokio::test]
#[ignore = "run by a_bucket_keeps_what_a_store_promises"]
async fn inside_no_bucket() {
    let error = Store::open("s3://no-such-bucket-here")
        .unwrap()
        .list("")
        .await
        .unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoSuchBucket), "{error}: {error:?}");
    let error = Store::open("s3://no-such-bucket-here")
        .unwrap()
        .create("a", "b")
        .await
        .unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoSuchBucket), "{error}: {error:?}");
    assert_eq!(error.class(), FailureClass::User);
}
