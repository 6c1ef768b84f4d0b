//! Time as a dependency: clocks and pauses that tests can drive.
