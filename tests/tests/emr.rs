//! The bootstrap scripts against a local stand-in of AWS: a job as a step, and what each kind of node is given.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use millstream_tests::moto::{Moto, emr_folder};
use serde_json::{Value, json};

#[test]
fn a_job_becomes_a_step() -> Result<()> {
    let moto = Moto::start()?;
    moto.create_bucket("jobs")?;
    let cluster: Value = serde_json::from_str(&moto.aws(&[
        "emr",
        "create-cluster",
        "--name",
        "c",
        "--release-label",
        "emr-7.14.0",
        "--use-default-roles",
        "--instance-groups",
        "InstanceGroupType=MASTER,InstanceCount=1,InstanceType=m6i.xlarge",
    ])?)?;
    let cluster = cluster["ClusterId"].as_str().context("no cluster id")?;
    let folder = tempfile::tempdir()?;
    let job = folder.path().join("sales.sql");
    fs::write(&job, "SELECT 1;\n")?;
    let submit = |arguments: &[&str]| {
        Command::new(emr_folder().join("submit-job.sh"))
            .args(arguments)
            .arg(&job)
            .envs(moto.environment())
            .env("MILLSTREAM_AWS", moto.aws_command())
            .output()
    };
    let output = submit(&[
        "--cluster",
        cluster,
        "--folder",
        "s3://jobs/sql/",
        "--conf",
        "brokers=a:9098,b:9098",
        "--conf",
        "note=two words",
        "--checkpoint",
        "s3://jobs/checkpoints/sales",
        "--executors",
        "3",
    ])?;
    let step_id = succeeded(&output)?.trim().to_owned();
    ensure!(step_id.starts_with("s-"), "no step id: '{step_id}'");
    let step: Value =
        serde_json::from_str(&moto.aws(&["emr", "describe-step", "--cluster-id", cluster, "--step-id", &step_id])?)?;
    let step = &step["Step"];
    assert_eq!(step["Name"], "sales");
    assert_eq!(step["ActionOnFailure"], "CONTINUE");
    assert_eq!(step["Config"]["Jar"], "command-runner.jar");
    let arguments: Vec<&str> = step["Config"]["Args"]
        .as_array()
        .context("no arguments")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let (remote, arguments) = arguments.split_last().context("no arguments")?;
    assert_eq!(
        arguments,
        [
            "/opt/millstream/driver",
            "run",
            "--executors",
            "3",
            "--wait",
            "10m",
            "--progress",
            "plain",
            "--checkpoint",
            "s3://jobs/checkpoints/sales",
            "--conf",
            "brokers=a:9098,b:9098",
            "--conf",
            "note=two words",
        ]
    );
    assert_eq!(moto.aws(&["s3", "cp", remote, "-"])?, "SELECT 1;\n");

    for (arguments, expected) in [
        (vec!["--folder", "s3://jobs"], "--cluster is required"),
        (vec!["--cluster", "j-1", "--folder", "jobs"], "--folder is required"),
        (
            vec!["--cluster", "j-1", "--folder", "s3://jobs", "--conf", "x"],
            "expected NAME=VALUE",
        ),
    ] {
        let output = submit(&arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(expected), "{said}");
    }
    Ok(())
}

/// A node's files in a temporary root, with what the scripts call on a node replaced by scripts that note it.
struct Node {
    root: tempfile::TempDir,
}

impl Node {
    fn new(facts: &[(&str, Value)]) -> Result<Self> {
        let node = Self {
            root: tempfile::tempdir()?,
        };
        for folder in ["info", "bin", "binaries", "root", "bucket"] {
            fs::create_dir(node.path(folder))?;
        }
        for (name, value) in facts {
            fs::write(node.path("info").join(name), value.to_string())?;
        }
        let log = node.path("systemctl.log");
        node.script("bin/systemctl", &format!("echo \"$*\" >> {}", log.display()))?;
        node.script(
            "binaries/millstream-driver",
            "echo \"driver $MILLSTREAM_LISTEN_ADDRESS $MILLSTREAM_LISTEN_ADVERTISE $AWS_REGION $*\"",
        )?;
        node.script("binaries/millstream-executor", "echo executor")?;
        Ok(node)
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    fn script(&self, relative: &str, text: &str) -> Result<()> {
        fs::write(self.path(relative), format!("#!/bin/sh\n{text}\n"))?;
        fs::set_permissions(self.path(relative), fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// Packs the binaries; gives the archive.
    fn package(&self, version: &str) -> Result<PathBuf> {
        let output = Command::new(emr_folder().join("package.sh"))
            .args(["--version", version, "--arch", "x86_64", "--binaries"])
            .arg(self.path("binaries"))
            .arg("--out")
            .arg(self.path("bucket"))
            .output()?;
        Ok(PathBuf::from(succeeded(&output)?.trim()))
    }

    fn install(&self, version: &str) -> Result<Output> {
        let artifact = self.path("bucket").join(format!("millstream-{version}"));
        Ok(Command::new(emr_folder().join("install.sh"))
            .arg("--artifact")
            .arg(artifact)
            .args(["--executor-options", "--slots 4"])
            .env("MILLSTREAM_INSTALL_ROOT", self.path("root"))
            .env("MILLSTREAM_INFO_FOLDERS", self.path("info"))
            .env("MILLSTREAM_SUDO", "")
            .env("MILLSTREAM_SYSTEMCTL", self.path("bin/systemctl"))
            .env("MILLSTREAM_S3_COPY", "cp")
            .env("MILLSTREAM_ARCH", "x86_64")
            .env("MILLSTREAM_NODE_HOST", "ip-10-0-1-7.ec2.internal")
            .output()?)
    }

    fn unit(&self) -> Result<String> {
        let path = self.path("root/etc/systemd/system/millstream-executor.service");
        fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))
    }

    /// What systemctl was told since the last call.
    fn told(&self) -> Vec<String> {
        let log = self.path("systemctl.log");
        let told = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        told.lines().map(str::to_owned).collect()
    }
}

fn succeeded(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", output.status);
    Ok(String::from_utf8(output.stdout.clone())?)
}

fn worker(role: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("instance.json", json!({"isMaster": false, "instanceGroupId": "ig-1"})),
        (
            "extraInstanceData.json",
            json!({"instanceRole": role, "masterHost": "ip-10-0-1-5.ec2.internal", "region": "eu-central-1"}),
        ),
    ]
}

#[test]
fn a_worker_gets_the_executor_service_once() -> Result<()> {
    let node = Node::new(&worker("CORE"))?;
    node.package("0.1.0")?;
    succeeded(&node.install("0.1.0")?)?;
    let unit = node.unit()?;
    let start = "ExecStart=/opt/millstream/0.1.0/bin/millstream-executor --driver ip-10-0-1-5.ec2.internal:7077-7092 \
                 --bind 0.0.0.0 --host ip-10-0-1-7.ec2.internal --slots 4\n";
    assert!(unit.contains(start), "{unit}");
    for line in [
        "User=hadoop",
        "Environment=AWS_REGION=eu-central-1",
        "Restart=always",
        "LimitNOFILE=65536",
    ] {
        assert!(unit.lines().any(|found| found == line), "no {line} in\n{unit}");
    }
    assert_eq!(
        node.told(),
        [
            "daemon-reload",
            "enable millstream-executor.service",
            "restart millstream-executor.service"
        ]
    );
    let current = fs::read_link(node.path("root/opt/millstream/current"))?;
    assert_eq!(current, Path::new("0.1.0"));
    assert!(node.path("root/opt/millstream/current/bin/millstream-driver").exists());

    // Again: nothing is restarted.
    succeeded(&node.install("0.1.0")?)?;
    assert_eq!(node.told(), ["start millstream-executor.service"]);

    // Another version: it is.
    node.package("0.2.0")?;
    succeeded(&node.install("0.2.0")?)?;
    assert!(node.unit()?.contains("/opt/millstream/0.2.0/bin/"));
    assert!(node.told().contains(&"restart millstream-executor.service".to_owned()));
    Ok(())
}

#[test]
fn task_nodes_and_nodes_without_extra_data_find_the_primary() -> Result<()> {
    let by_flow = vec![
        ("instance.json", json!({"isMaster": false})),
        (
            "job-flow.json",
            json!({"masterPrivateDnsName": "ip-10-0-9-9.ec2.internal"}),
        ),
    ];
    for (facts, host) in [(worker("task"), "ip-10-0-1-5"), (by_flow, "ip-10-0-9-9")] {
        let node = Node::new(&facts)?;
        node.package("0.1.0")?;
        succeeded(&node.install("0.1.0")?)?;
        assert!(
            node.unit()?
                .contains(&format!("--driver {host}.ec2.internal:7077-7092 "))
        );
    }
    let node = Node::new(&[("instance.json", json!({"isMaster": false}))])?;
    node.package("0.1.0")?;
    let output = node.install("0.1.0")?;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("the primary node's name is neither in"));
    Ok(())
}

#[test]
fn the_primary_gets_the_driver_command_and_no_executor() -> Result<()> {
    let node = Node::new(&[
        ("instance.json", json!({"isMaster": true})),
        (
            "extraInstanceData.json",
            json!({"instanceRole": "MASTER", "region": "eu-central-1"}),
        ),
    ])?;
    node.package("0.1.0")?;
    succeeded(&node.install("0.1.0")?)?;
    assert!(node.unit().is_err());
    assert_eq!(node.told(), Vec::<String>::new());
    let command = fs::read_to_string(node.path("root/opt/millstream/driver"))?;
    let here = command.replace("exec /opt", &format!("exec {}/opt", node.path("root").display()));
    let output = Command::new("sh")
        .args(["-c", &here, "driver", "run", "a b.sql"])
        .env_remove("AWS_REGION")
        .output()?;
    assert_eq!(
        succeeded(&output)?,
        "driver 0.0.0.0:7077-7092 ip-10-0-1-7.ec2.internal eu-central-1 run a b.sql\n"
    );
    Ok(())
}

#[test]
fn a_damaged_or_missing_artifact_is_refused() -> Result<()> {
    let node = Node::new(&worker("CORE"))?;
    let refused = |expected: &str| -> Result<()> {
        let output = node.install("0.1.0")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            !output.status.success() && said.contains(expected),
            "expected '{expected}' in: {said}"
        );
        ensure!(
            !node.path("root/opt/millstream/0.1.0").exists(),
            "something was installed"
        );
        Ok(())
    };
    refused("cannot fetch")?;
    let archive = node.package("0.1.0")?;
    let bytes = fs::read(&archive)?;
    assert_eq!(fs::read(node.package("0.1.0")?)?, bytes, "packing is reproducible");
    fs::write(&archive, &bytes[..bytes.len() / 2])?;
    refused("not a whole tar.gz archive")?;

    // An archive whose content was changed after the sums were taken.
    let scratch = node.path("scratch");
    fs::create_dir(&scratch)?;
    fs::write(&archive, &bytes)?;
    let tar = |arguments: &[&str]| -> Result<()> {
        let status = Command::new("tar")
            .args(arguments)
            .arg(&archive)
            .arg("-C")
            .arg(&scratch)
            .arg(".")
            .status()?;
        ensure!(status.success(), "tar failed");
        Ok(())
    };
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&scratch)
        .status()?;
    ensure!(status.success(), "tar failed");
    fs::write(scratch.join("bin/millstream-driver"), "other")?;
    tar(&["-czf"])?;
    refused("does not match its SHA256SUMS")
}

#[test]
fn the_step_definition_is_what_submit_makes() -> Result<()> {
    let steps: Value = serde_json::from_str(&fs::read_to_string(emr_folder().join("step.json"))?)?;
    let step: BTreeMap<String, Value> = serde_json::from_value(steps[0].clone())?;
    assert_eq!(step["ActionOnFailure"], "CONTINUE");
    assert_eq!(step["Jar"], "command-runner.jar");
    assert_eq!(step["Args"][0], "/opt/millstream/driver");
    Ok(())
}

#[test]
fn the_scripts_are_clean() -> Result<()> {
    let scripts = ["install.sh", "submit-job.sh", "package.sh"].map(|name| emr_folder().join(name));
    let output = Command::new("shellcheck")
        .args(&scripts)
        .output()
        .context("shellcheck is missing, install it: apt-get install shellcheck")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
