//! The promises of a store, on the local disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("deep/er").to_str().unwrap()).unwrap();
    (folder, store)
}

#[tokio::test]
async fn objects_are_written_read_listed_and_deleted() {
    let (_folder, store) = store();
    assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.read("offsets/0").await.unwrap(), None);
    for name in ["offsets/10", "offsets/9", "commits/0", "metadata"] {
        store.put(name, name.to_owned()).await.unwrap();
    }
    store.put("offsets/9", "again").await.unwrap();
    assert_eq!(store.read("offsets/9").await.unwrap().unwrap(), "again");
    assert_eq!(store.list("offsets").await.unwrap(), ["offsets/10", "offsets/9"]);
    assert_eq!(
        store.list("").await.unwrap(),
        ["commits/0", "metadata", "offsets/10", "offsets/9"]
    );
    store.delete("offsets/9").await.unwrap();
    store.delete("offsets/9").await.unwrap();
    assert_eq!(store.list("offsets/").await.unwrap(), ["offsets/10"]);
    store.remove_all().await.unwrap();
    assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creators_one_gets_through() {
    let (_folder, store) = store();
    let racers: Vec<_> = (0..16)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move { (i, store.create("commits/0", format!("writer {i}")).await.unwrap()) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        let (i, created) = racer.await.unwrap();
        if created.is_new() {
            winners.push(i);
        }
    }
    assert_eq!(winners.len(), 1);
    let found = store.read("commits/0").await.unwrap().unwrap();
    assert_eq!(found, format!("writer {}", winners[0]));
    // No temporary name is left, listed or not.
    let root = match store.location() {
        Location::Local(root) => root.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(fs::read_dir(root.join("commits")).unwrap().count(), 1);
}

#[tokio::test]
async fn half_written_files_are_not_listed() {
    let (folder, store) = store();
    store.put("a", "1").await.unwrap();
    fs::write(folder.path().join("deep/er/.b.0123.tmp"), "half").unwrap();
    assert_eq!(store.list("").await.unwrap(), ["a"]);
}

#[tokio::test]
async fn paths_cannot_leave_the_store() {
    let (_folder, store) = store();
    for path in ["../x", "/etc/passwd", "a//b", "a/./b", ""] {
        let error = store.put(path, "x").await.unwrap_err();
        assert!(matches!(error, StoreError::BadPath { .. }), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_failure_says_what_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let store = Store::open(file.to_str().unwrap()).unwrap();
    let error = store.put("a", "x").await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::WrongKind));
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot write {}/a: a file stands", file.display())),
        "{error}"
    );

    // /dev/full answers ENOSPC to every write.
    let full = StoreError::io(Operation::Write, "/x", fs::write("/dev/full", "x").unwrap_err());
    assert_eq!(full.cause(), Some(Cause::DiskFull));
    assert!(full.to_string().contains("free space"), "{full}");
    assert!(full.class().retryable());

    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let store = Store::open(locked.to_str().unwrap()).unwrap();
    // The superuser may write anywhere.
    if let Err(error) = store.put("a", "x").await {
        assert_eq!(error.cause(), Some(Cause::PermissionDenied));
        assert!(!error.class().retryable());
    }
}
