//! Layers, and what is said about bad ones.

use super::*;

const SETTINGS: &[Setting] = &[
    Setting {
        key: "master",
        kind: Kind::Addresses,
        default: None,
        help: "Where the driver listens.",
    },
    Setting {
        key: "slots",
        kind: Kind::Count { least: 1, most: 1024 },
        default: Some("2"),
        help: "Tasks run at the same time.",
    },
    Setting {
        key: "heartbeat.interval",
        kind: Kind::Duration,
        default: Some("1s"),
        help: "Time between two heartbeats.",
    },
    Setting {
        key: "memory",
        kind: Kind::Bytes,
        default: Some("512m"),
        help: "Memory for state, bytes.",
    },
    Setting {
        key: "cluster.secret",
        kind: Kind::Secret,
        default: None,
        help: "Shared secret.",
    },
];

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> (tempfile::TempDir, Option<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("millstream.toml");
    std::fs::write(&path, text).unwrap();
    (folder, Some(path))
}

#[test]
fn later_layers_win_and_say_so() {
    let (_folder, file) =
        file("slots = 3\nmemory = '1g'\n[heartbeat]\ninterval = '2s'\n[conf]\nbootstrap = 'b:9092'\n");
    let layers = Layers {
        file,
        environment: pairs(&[("MILLSTREAM_SLOTS", "4"), ("PATH", "/bin"), ("MILLSTREAM_LOG", "debug")]),
        flags: pairs(&[
            ("master", "h:7077-7092,i:1"),
            ("cluster.secret", "hunter2"),
            ("conf.x", "1"),
        ]),
        ..Layers::default()
    };
    let config = Config::load(SETTINGS, Some("conf"), &layers).unwrap();
    assert_eq!(config.count("slots"), Some(4));
    assert_eq!(config.bytes("memory"), Some(1 << 30));
    assert_eq!(config.duration("heartbeat.interval"), Some(Duration::from_secs(2)));
    assert_eq!(config.text("master"), Some("h:7077-7092,i:1"));
    assert_eq!(
        config.open_entries().collect::<Vec<_>>(),
        [("bootstrap", "b:9092"), ("x", "1")]
    );
    assert_eq!(
        config.origin("slots"),
        Some(&Origin::Environment("MILLSTREAM_SLOTS".to_owned()))
    );
    let shown = config.render();
    assert!(
        shown.contains("slots = 4  # environment variable MILLSTREAM_SLOTS"),
        "{shown}"
    );
    assert!(shown.contains("cluster.secret = \"***\"  # command line"), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
}

#[test]
fn all_problems_are_told_together() {
    let (_folder, file) = file("slotz = 3\nslots = 0\n[heartbeat]\ninterval = 'soon'\n");
    let path = file.clone().unwrap().display().to_string();
    let layers = Layers {
        file,
        environment: pairs(&[("MILLSTREAM_MEMORI", "1"), ("MILLSTREAM_MEMORY", "lots")]),
        flags: pairs(&[("master", "nowhere")]),
        ..Layers::default()
    };
    let error = Config::load(SETTINGS, None, &layers).unwrap_err();
    assert_eq!(
        error.problems,
        [
            format!("file {path}: 'heartbeat.interval' is \"soon\", expected a duration such as 250ms, 10s, 5m or 2h"),
            format!("file {path}: 'slots' is \"0\", expected a whole number from 1 to 1024"),
            format!("file {path}: unknown setting 'slotz', did you mean 'slots'?"),
            "environment variable MILLSTREAM_MEMORI: no such setting, did you mean 'MILLSTREAM_MEMORY'?".to_owned(),
            "environment variable MILLSTREAM_MEMORY: 'memory' is \"lots\", expected a size such as 4096, 64k, 512m or 2g"
                .to_owned(),
            "command line: 'master' is \"nowhere\", expected HOST:PORT, several separated by commas".to_owned(),
        ]
    );
}

#[test]
fn a_variable_without_its_middle_part_is_completed() {
    let layers = Layers {
        environment: pairs(&[("MILLSTREAM_INTERVAL", "2s")]),
        ..Layers::default()
    };
    let error = Config::load(SETTINGS, None, &layers).unwrap_err();
    assert_eq!(
        error.problems,
        ["environment variable MILLSTREAM_INTERVAL: no such setting, did you mean 'MILLSTREAM_HEARTBEAT_INTERVAL'?"]
    );
}

#[test]
fn what_belongs_to_another_program_is_left_alone() {
    let (_folder, file) = file("slots = 3\n[driver]\nbind = 'x'\n");
    let layers = Layers {
        file,
        environment: pairs(&[("MILLSTREAM_DRIVER_BIND", "y")]),
        foreign: &["driver"],
        ..Layers::default()
    };
    assert_eq!(Config::load(SETTINGS, None, &layers).unwrap().count("slots"), Some(3));
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let (_folder, file) = file("slots = 3\nmaster = [\n");
    let path = file.clone().unwrap().display().to_string();
    let layers = Layers {
        file,
        ..Layers::default()
    };
    let error = Config::load(SETTINGS, None, &layers).unwrap_err().to_string();
    assert!(error.contains(&format!("file {path}:")), "{error}");
    let layers = Layers {
        file: Some("/no/such/file.toml".into()),
        ..Layers::default()
    };
    let error = Config::load(SETTINGS, None, &layers).unwrap_err().to_string();
    assert!(error.contains("file /no/such/file.toml: cannot be read"), "{error}");
}
