//! Compiles the protocol files without a system `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "millstream/control/v1/control.proto",
        "millstream/blocks/v1/blocks.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
