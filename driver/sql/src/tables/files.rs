//! Options of file tables.

use millstream_common::options::{OptionError, Options};
use millstream_plan::spec::{FileFormat, FileSource, SinkSpec};

/// Names known for both directions, and those of CSV and JSON.
pub(super) fn options(format: FileFormat) -> Vec<&'static str> {
    let mut known = vec![
        "path",
        "compression",
        "singleFile",
        "pathGlobFilter",
        "recursiveFileLookup",
    ];
    let text = [
        "dateFormat",
        "timestampFormat",
        "timestampNTZFormat",
        "mode",
        "encoding",
        "charset",
        "lineSep",
        "columnNameOfCorruptRecord",
        "inferSchema",
        "samplingRatio",
        "locale",
    ];
    match format {
        FileFormat::Csv => {
            known.extend(text);
            known.extend([
                "sep",
                "delimiter",
                "header",
                "quote",
                "escape",
                "comment",
                "nullValue",
                "emptyValue",
                "nanValue",
                "positiveInf",
                "negativeInf",
                "ignoreLeadingWhiteSpace",
                "ignoreTrailingWhiteSpace",
                "multiLine",
                "maxColumns",
                "maxCharsPerColumn",
                "enforceSchema",
                "quoteAll",
                "escapeQuotes",
                "charToEscapeQuoteEscaping",
                "unescapedQuoteHandling",
            ]);
        }
        FileFormat::Json => {
            known.extend(text);
            known.extend([
                "multiLine",
                "primitivesAsString",
                "prefersDecimal",
                "allowComments",
                "allowUnquotedFieldNames",
                "allowSingleQuotes",
                "allowNumericLeadingZeros",
                "allowBackslashEscapingAnyCharacter",
                "allowUnquotedControlChars",
                "allowNonNumericNumbers",
                "dropFieldIfAllNull",
                "ignoreNullFields",
            ]);
        }
        FileFormat::Parquet => known.extend(["mergeSchema"]),
    }
    known
}

pub(super) fn check_both(options: &Options, format: FileFormat) -> Result<(), OptionError> {
    path(options)?;
    if format == FileFormat::Csv {
        options.flag("header", false)?;
        options.flag("inferSchema", false)?;
        if options
            .get("sep")
            .or_else(|| options.get("delimiter"))
            .is_some_and(str::is_empty)
        {
            return Err(options.invalid("sep", "at least one character"));
        }
        for name in ["quote", "escape", "comment"] {
            if options.get(name).is_some_and(|v| v.chars().count() > 1) {
                return Err(options.invalid(name, "one character"));
            }
        }
    }
    if let Some(mode) = options.get("mode")
        && !["permissive", "dropmalformed", "failfast"].contains(&mode.to_ascii_lowercase().as_str())
    {
        return Err(options.invalid("mode", "PERMISSIVE, DROPMALFORMED or FAILFAST"));
    }
    options.flag("singleFile", false)?;
    Ok(())
}

fn path(options: &Options) -> Result<String, OptionError> {
    let path = options.require(
        "path",
        "a file, a folder or a pattern such as 's3a://bucket/sales/*.csv'",
    )?;
    if path.trim().is_empty() {
        return Err(options.invalid("path", "a file or a folder"));
    }
    Ok(path.to_owned())
}

pub(super) fn source(options: &Options, format: FileFormat) -> Result<FileSource, OptionError> {
    Ok(FileSource {
        format,
        path: path(options)?,
        options: options.clone(),
    })
}

pub(super) fn sink(options: &Options, format: FileFormat) -> Result<SinkSpec, OptionError> {
    let single_file = options.flag("singleFile", false)?;
    Ok(SinkSpec::Files {
        format,
        path: path(options)?,
        single_file,
        options: options.clone(),
    })
}
