//! Apache Spark: PySpark and its Kafka connector from the package registries, kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use xtask::workspace;

/// The version that answers are compared with.
pub const VERSION: &str = "3.5.7";

/// A Python with PySpark, and the connector's jars.
#[derive(Clone, Debug)]
pub struct Installation {
    python: PathBuf,
    jars: PathBuf,
}

impl Installation {
    /// Fetches what the cache does not have.
    ///
    /// # Errors
    /// When Python 3 or Maven is missing, or a registry cannot be reached.
    pub fn ready() -> Result<Self> {
        xtask::prerequisites::for_kafka()?;
        let folder = workspace::cache_dir()?.join(format!("spark-{VERSION}"));
        let (python, jars) = (folder.join("venv/bin/python"), folder.join("jars"));
        let done = folder.join("complete");
        if !done.is_file() {
            eprintln!("fetching PySpark {VERSION} (about 320 MB) into {}", folder.display());
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder)?;
            workspace::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))
                .context("no virtual environment: sudo apt-get install -y python3-venv")?;
            let package = format!("pyspark=={VERSION}");
            workspace::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
            fs::write(folder.join("pom.xml"), pom())?;
            let mut maven = Command::new("mvn");
            maven.args([
                "-q",
                "-B",
                "-Dstyle.color=never",
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
            ]);
            maven
                .arg(format!("-DoutputDirectory={}", jars.display()))
                .current_dir(&folder);
            workspace::run(&mut maven)?;
            fs::write(&done, "")?;
        }
        Ok(Self { python, jars })
    }

    /// Python with this script, told the jars as `--jars`.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn script(&self, path: &Path) -> Result<Command> {
        let jars = fs::read_dir(&self.jars)?
            .flatten()
            .map(|entry| entry.path().display().to_string());
        let jars: Vec<String> = jars.filter(|path| path.ends_with(".jar")).collect();
        let mut command = Command::new(&self.python);
        command.arg(path).arg("--jars").arg(jars.join(","));
        Ok(command)
    }
}

fn pom() -> String {
    // Spark brings the Scala library and the logging interfaces itself; a second copy would not mix.
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId><artifactId>spark-kafka-connector</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.spark</groupId><artifactId>spark-sql-kafka-0-10_2.12</artifactId><version>{VERSION}</version>
      <exclusions>
        <exclusion><groupId>org.scala-lang</groupId><artifactId>*</artifactId></exclusion>
        <exclusion><groupId>org.slf4j</groupId><artifactId>*</artifactId></exclusion>
        <exclusion><groupId>org.apache.hadoop</groupId><artifactId>*</artifactId></exclusion>
      </exclusions>
    </dependency>
  </dependencies>
</project>
"#
    )
}
