//! The jars of one version of Apache Kafka in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context as _, Result};

use crate::{prerequisites, workspace};

/// The version of Apache Kafka the tests run on.
pub const VERSION: &str = "3.9.1";

/// The folder with Kafka's jars; fetched from Maven Central when the cache has none of this version.
///
/// # Errors
/// When Java or Maven is missing, or Maven cannot reach its repository.
pub fn folder() -> Result<PathBuf> {
    let cache = workspace::cache_dir()?;
    let folder = cache.join(format!("kafka-{VERSION}"));
    if folder.join("lib").is_dir() {
        return Ok(folder);
    }
    prerequisites::for_kafka()?;
    eprintln!(
        "fetching Apache Kafka {VERSION} (about 50 MB) into {}",
        folder.display()
    );
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    // Several test binaries may be at this point at once: each fetches for itself, the first rename wins.
    let staging = cache.join(format!(".kafka-{VERSION}-{}", process::id()));
    let fetched = fetch(&staging).and_then(|()| {
        if folder.join("lib").is_dir() {
            return Ok(());
        }
        fs::rename(&staging, &folder).with_context(|| format!("cannot move the jars to {}", folder.display()))
    });
    let _ = fs::remove_dir_all(&staging);
    fetched.map(|()| folder)
}

fn fetch(staging: &Path) -> Result<()> {
    fs::create_dir_all(staging).with_context(|| format!("cannot create {}", staging.display()))?;
    fs::write(staging.join("pom.xml"), pom())?;
    fs::write(staging.join("log4j.properties"), LOG4J)?;
    let mut maven = Command::new("mvn");
    maven.args([
        "-q",
        "-B",
        "-Dstyle.color=never",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
    ]);
    maven
        .arg(format!("-DoutputDirectory={}", staging.join("lib").display()))
        .current_dir(staging);
    workspace::run(&mut maven).context("Maven could not fetch Apache Kafka: is Maven Central reachable?")
}

fn pom() -> String {
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#
    )
}

const LOG4J: &str = "\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
";
