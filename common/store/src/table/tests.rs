//! Tables written and read back on the local disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Int32Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use millstream_spark::zone::Tz;

use super::*;

fn source(format: FileFormat, path: &Path, options: &[(&str, &str)]) -> FileSource {
    FileSource {
        format,
        path: path.display().to_string(),
        options: options.iter().copied().collect(),
    }
}

fn csv(path: &Path, options: &[(&str, &str)]) -> FileSource {
    source(FileFormat::Csv, path, options)
}

fn declared(types: &[(&str, DataType)]) -> Vec<Field> {
    types
        .iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
        .collect()
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn column_text(batches: &[RecordBatch], column: usize) -> Vec<String> {
    let texts = batches
        .iter()
        .map(|batch| millstream_spark::cast::text::to_text(batch.column(column), &Tz::UTC));
    let value = |text: Option<&str>| text.unwrap_or("NULL").to_owned();
    texts
        .flat_map(|texts| texts.iter().map(value).collect::<Vec<_>>())
        .collect()
}

fn sample() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None]));
    let amounts: ArrayRef = Arc::new(Float32Array::from(vec![Some(5.99), Some(1e20), Some(f32::NAN)]));
    let times: ArrayRef = Arc::new(
        TimestampMicrosecondArray::from(vec![Some(1_620_651_846_996_577), None, Some(0)]).with_timezone("UTC"),
    );
    let named = [("id", ids), ("name", names), ("amount", amounts), ("at", times)];
    RecordBatch::try_from_iter_with_nullable(named.map(|(name, array)| (name, array, true))).unwrap()
}

async fn write(folder: &Path, format: FileFormat, options: &[(&str, &str)]) -> FilePart {
    let sink = FileSink::open(folder.to_str().unwrap(), format, &options.iter().copied().collect()).unwrap();
    let mut writer = sink.writer(&sample().schema(), &Tz::UTC).unwrap();
    writer.write(&sample()).unwrap();
    let part = writer.finish(3).await.unwrap();
    sink.commit_batch(std::slice::from_ref(&part)).await.unwrap();
    part
}

#[tokio::test]
async fn csv_is_written_as_spark_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let part = write(folder.path(), FileFormat::Csv, &[("header", "true"), ("sep", ";")]).await;
    assert!(
        part.name.starts_with("part-00003-") && part.name.ends_with("-c000.csv"),
        "{part:?}"
    );
    assert_eq!(part.rows, 3);
    let text = fs::read_to_string(folder.path().join(&part.name)).unwrap();
    assert_eq!(
        text,
        "id;name;amount;at\n1;\"a,\\\"b\\\"\";5.99;2021-05-10T13:04:06.996Z\n;\"\";1.0E20;\n3;;NaN;1970-01-01T00:00:00.000Z\n"
    );
    assert!(folder.path().join("_SUCCESS").exists());
    let fields = infer_schema(&csv(
        folder.path(),
        &[("header", "true"), ("sep", ";"), ("inferSchema", "true")],
    ))
    .await;
    let types: Vec<_> = fields
        .unwrap()
        .into_iter()
        .map(|field| field.data_type().clone())
        .collect();
    assert_eq!(types, [DataType::Int32, DataType::Utf8, DataType::Float64, timestamp()]);
}

#[tokio::test]
async fn json_lines_are_written_as_to_json_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let part = write(folder.path(), FileFormat::Json, &[]).await;
    let text = fs::read_to_string(folder.path().join(&part.name)).unwrap();
    assert_eq!(
        text,
        "{\"id\":1,\"name\":\"a,\\\"b\\\"\",\"amount\":5.99,\"at\":\"2021-05-10T13:04:06.996Z\"}\n\
         {\"name\":\"\",\"amount\":1.0E20}\n\
         {\"id\":3,\"amount\":\"NaN\",\"at\":\"1970-01-01T00:00:00.000Z\"}\n"
    );
}

#[tokio::test]
async fn parquet_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), FileFormat::Parquet, &[("compression", "zstd")]).await;
    let source = source(FileFormat::Parquet, folder.path(), &[]);
    let (schema, batches) = read(&source, None, &Tz::UTC).await.unwrap();
    assert_eq!(schema.fields(), sample().schema().fields());
    assert_eq!(
        pretty_format_batches(&batches).unwrap().to_string(),
        pretty_format_batches(&[sample()]).unwrap().to_string()
    );
    // By name in any case, null where there is none.
    let wanted = declared(&[
        ("NAME", DataType::Utf8),
        ("absent", DataType::Int64),
        ("id", DataType::Int64),
    ]);
    let (_, batches) = read(&source, Some(&wanted), &Tz::UTC).await.unwrap();
    assert_eq!(column_text(&batches, 0), ["a,\"b\"", "", "NULL"]);
    assert_eq!(column_text(&batches, 1), ["NULL"; 3]);
    assert_eq!(column_text(&batches, 2), ["1", "NULL", "3"]);
    let wrong = declared(&[(
        "at",
        DataType::List(Arc::new(Field::new("item", DataType::Int32, true))),
    )]);
    let error = read(&source, Some(&wrong), &Tz::UTC).await.unwrap_err().to_string();
    assert!(
        error.contains("column 'at': ") && error.contains("declare it as"),
        "{error}"
    );
}

#[tokio::test]
async fn csv_values_that_do_not_fit_are_null_and_rows_keep_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    fs::write(
        &path,
        "id|amount|at|ok\n1|3.5|2021-05-10 13:04:06.996577+00|true\n 2|x|2021-05-10|yes\n3\n\n4|1|0|false|more\n",
    )
    .unwrap();
    let columns = declared(&[
        ("id", DataType::Int32),
        ("amount", DataType::Float32),
        ("at", timestamp()),
        ("ok", DataType::Boolean),
        ("_corrupt_record", DataType::Utf8),
    ]);
    let options = [("header", "true"), ("sep", "|")];
    let (_, batches) = read(&csv(&path, &options), Some(&columns[..4]), &Tz::UTC)
        .await
        .unwrap();
    assert_eq!(column_text(&batches, 0), ["1", "NULL", "3", "4"]);
    assert_eq!(column_text(&batches, 1), ["3.5", "NULL", "NULL", "1.0"]);
    assert_eq!(
        column_text(&batches, 2)[..2],
        ["2021-05-10 13:04:06.996577", "2021-05-10 00:00:00"]
    );
    assert_eq!(column_text(&batches, 3), ["true", "NULL", "NULL", "false"]);

    let (_, batches) = read(&csv(&path, &options), Some(&columns), &Tz::UTC).await.unwrap();
    assert_eq!(column_text(&batches, 4)[..3], ["NULL", " 2|x|2021-05-10|yes", "3"]);

    let drop = [options[0], options[1], ("mode", "DROPMALFORMED")];
    let (_, batches) = read(&csv(&path, &drop), Some(&columns[..4]), &Tz::UTC).await.unwrap();
    assert_eq!(column_text(&batches, 0), ["1"]);

    let strict = [options[0], options[1], ("mode", "FAILFAST")];
    let error = read(&csv(&path, &strict), Some(&columns[..4]), &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("{}:4: 1 fields where 4 are declared", path.display())),
        "{error}"
    );
    let error = read(&csv(&path, &strict), Some(&columns[..1]), &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(":2: 4 fields where 1 are declared"), "{error}");
}

#[tokio::test]
async fn json_lines_are_read_with_inferred_or_declared_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.json");
    let text = "{\"id\":1,\"amount\":3.5,\"tags\":[\"a\"],\"at\":{\"city\":\"Lima\"}}\n\n{\"id\":2,\"amount\":4}\n{\"id\":\"x\"\n";
    fs::write(&path, text).unwrap();
    let json = |options: &[(&str, &str)]| source(FileFormat::Json, &path, options);
    let fields = infer_schema(&json(&[])).await.unwrap();
    let found: Vec<_> = fields
        .iter()
        .map(|field| {
            format!(
                "{} {}",
                field.name(),
                millstream_spark::type_name::spark_type(field.data_type())
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "amount double",
            "at struct<city:string>",
            "id bigint",
            "tags array<string>"
        ]
    );
    let (_, batches) = read(&json(&[]), None, &Tz::UTC).await.unwrap();
    assert_eq!(column_text(&batches, 0), ["3.5", "4.0", "NULL"]);
    assert_eq!(column_text(&batches, 2), ["1", "2", "NULL"]);

    let columns = declared(&[("id", DataType::Int32)]);
    let (_, batches) = read(&json(&[("mode", "DROPMALFORMED")]), Some(&columns), &Tz::UTC)
        .await
        .unwrap();
    assert_eq!(column_text(&batches, 0), ["1", "2"]);
    let error = read(&json(&[("mode", "FAILFAST")]), Some(&columns), &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sales.json:4: no JSON object of the declared columns: {\"id\":\"x\"; correct it"),
        "{error}"
    );
}

#[tokio::test]
async fn folders_patterns_and_gzip_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::open(
        folder.path().to_str().unwrap(),
        FileFormat::Csv,
        &[("compression", "gzip")].into_iter().collect(),
    );
    let sink = sink.unwrap();
    let batch = sample().project(&[0]).unwrap();
    let mut parts = Vec::new();
    for task in 0..2 {
        let mut writer = sink.writer(&batch.schema(), &Tz::UTC).unwrap();
        writer.write(&batch).unwrap();
        parts.push(writer.finish(task).await.unwrap());
    }
    assert!(parts[0].name.ends_with(".csv.gz"));
    let wanted = declared(&[("id", DataType::Int32)]);
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let (_, batches) = read(&csv(folder.path(), &[]), Some(&wanted), &Tz::UTC).await.unwrap();
    // The row whose only value is null is a blank line, and blank lines are no rows.
    assert_eq!(count(&batches), 4);
    assert_eq!(batches[0].column(0).as_primitive::<Int32Type>().value(1), 3);

    let pattern = folder.path().join("part-0000[1-9]*.csv.gz");
    assert_eq!(
        count(&read(&csv(&pattern, &[]), Some(&wanted), &Tz::UTC).await.unwrap().1),
        2
    );

    // Once there is a log, only what it names is in the table.
    assert!(sink.commit_stream(0, &parts[..1]).await.unwrap().is_new());
    assert_eq!(
        count(&read(&csv(folder.path(), &[]), Some(&wanted), &Tz::UTC).await.unwrap().1),
        2
    );

    let path = folder.path().join(&parts[0].name);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let error = read(&csv(&path, &[]), Some(&wanted), &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&parts[0].name) && error.contains("may be truncated"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.csv");
    let error = read(&csv(&missing, &[]), None, &Tz::UTC).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "no CSV file matches '{}': check the path; names that begin with '_' or '.' are not read",
            missing.display()
        )
    );
    let error = read(&csv(folder.path(), &[]), None, &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("no CSV file matches '{}'", folder.path().display())),
        "{error}"
    );
    fs::write(&missing, "a,b\n").unwrap();
    let error = read(&csv(&missing, &[("haeder", "true")]), None, &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "unknown option 'haeder', did you mean 'header'?");
    let error = read(&csv(&missing, &[("mode", "lax")]), None, &Tz::UTC)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected PERMISSIVE, DROPMALFORMED or FAILFAST"),
        "{error}"
    );
    let parquet = source(FileFormat::Parquet, &missing, &[]);
    let error = read(&parquet, None, &Tz::UTC).await.unwrap_err().to_string();
    assert!(error.contains("none.csv: not a readable Parquet file"), "{error}");
}

#[tokio::test]
async fn a_folder_with_files_is_not_written_to_unasked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), FileFormat::Csv, &[]).await;
    let open = |mode: &str| {
        FileSink::open(
            folder.path().to_str().unwrap(),
            FileFormat::Csv,
            &[("mode", mode)].into_iter().collect(),
        )
        .unwrap()
    };
    let error = open("errorifexists").prepare().await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert!(!open("ignore").prepare().await.unwrap());
    assert!(open("append").prepare().await.unwrap());
    assert!(open("overwrite").prepare().await.unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
