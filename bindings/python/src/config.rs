//! The argument of `open`: a path, or a mapping that is handed to the core as JSON.

use std::path::{Path, PathBuf};

use libvault::{Config, ErrorCode, WipedBytes};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::errors;

/// Deeper than any configuration, shallower than any stack: also a mapping that contains itself ends here.
const MAXIMUM_DEPTH: usize = 16;

/// Reads the configuration of a path (str or `os.PathLike`) or a mapping. A mapping's relative paths are relative to the working directory.
pub(crate) fn from_argument(py: Python<'_>, argument: Option<&Bound<'_, PyAny>>) -> PyResult<Config> {
    let Some(argument) = argument else {
        return Err(errors::exception(py, &libvault::no_config_error()));
    };
    if let Ok(mapping) = argument.cast::<PyMapping>() {
        // Static credentials may stand in it.
        let mut json = WipedBytes::with_capacity(4096);
        write_mapping(&mut json, mapping, "", 0)?;
        let text = str::from_utf8(&json).map_err(|error| {
            errors::exception(py, &libvault::Error::internal(format!("the configuration as JSON: {error}")))
        })?;
        return errors::call(py, || Config::from_json(text, Path::new(".")));
    }
    let path = argument.extract::<PathBuf>().map_err(|error| path_error(argument, error))?;
    errors::call_detached(py, || Config::from_file(&path))
}

fn path_error(argument: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(argument.py()) {
        return error;
    }
    match argument.get_type().name() {
        Ok(given) => PyTypeError::new_err(format!("config: a path or a mapping is required, not '{given}'")),
        Err(error) => error,
    }
}

fn write_mapping(json: &mut Vec<u8>, mapping: &Bound<'_, PyMapping>, path: &str, depth: usize) -> PyResult<()> {
    json.push(b'{');
    for (index, item) in mapping.items()?.iter().enumerate() {
        let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let Ok(name) = name.cast_into::<PyString>() else {
            return Err(refusal(&value, path, "the names of fields are str"));
        };
        let field = match path {
            "" => name.to_string_lossy().into_owned(),
            _ => format!("{path}.{}", name.to_string_lossy()),
        };
        if index > 0 {
            json.push(b',');
        }
        write_string(json, &name, &field)?;
        json.push(b':');
        write_value(json, &value, &field, depth + 1)?;
    }
    json.push(b'}');
    Ok(())
}

fn write_sequence(json: &mut Vec<u8>, items: &Bound<'_, PyAny>, path: &str, depth: usize) -> PyResult<()> {
    json.push(b'[');
    for (index, item) in items.try_iter()?.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        write_value(json, &item?, &format!("{path}[{index}]"), depth + 1)?;
    }
    json.push(b']');
    Ok(())
}

fn write_value(json: &mut Vec<u8>, value: &Bound<'_, PyAny>, path: &str, depth: usize) -> PyResult<()> {
    if depth > MAXIMUM_DEPTH {
        return Err(refusal(value, path, "the configuration is nested too deeply"));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return write_string(json, text, path);
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        return write_mapping(json, mapping, path, depth);
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return write_sequence(json, value, path, depth);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        json.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
    } else if value.is_instance_of::<PyInt>() {
        let Ok(number) = value.extract::<i64>() else {
            return Err(refusal(value, path, "the number is out of range"));
        };
        json.extend_from_slice(number.to_string().as_bytes());
    } else if let Ok(number) = value.cast::<PyFloat>()
        && number.value().is_finite()
    {
        json.extend_from_slice(number.value().to_string().as_bytes());
    } else if value.is_none() {
        json.extend_from_slice(b"null");
    } else if value.hasattr("__fspath__")? {
        let text = value.call_method0("__fspath__")?;
        let Ok(text) = text.cast::<PyString>() else {
            return Err(refusal(value, path, "a path is a str"));
        };
        write_string(json, text, path)?;
    } else {
        let given = value.get_type().name()?;
        return Err(refusal(value, path, &format!("a value of type '{given}' has no place in a configuration")));
    }
    Ok(())
}

fn write_string(json: &mut Vec<u8>, text: &Bound<'_, PyString>, path: &str) -> PyResult<()> {
    let Ok(utf8) = text.to_str() else {
        return Err(refusal(text, path, "the text holds a lone surrogate"));
    };
    serde_json::to_writer(json, utf8).map_err(|error| refusal(text, path, &error.to_string()))
}

fn refusal(value: &Bound<'_, PyAny>, path: &str, message: &str) -> PyErr {
    let path = if path.is_empty() { "config" } else { path };
    errors::exception_at(value.py(), ErrorCode::InvalidConfig, path, message)
}
