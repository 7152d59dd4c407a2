//! What the file-likes and the async iterators of `libvault._streams` stand on: streams without I/O, a reader over a Python file, and a file that appears whole.

use std::borrow::Cow;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use libvault::{AtomicFile as CoreFile, Decryptor as CoreDecryptor, Encryptor as CoreEncryptor};
use libvault::{DecryptReader, Error, FileContents, StreamOptions, WipedBytes};
use pyo3::exceptions::{PyBlockingIOError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{Input, Output};
use crate::call::Call;
use crate::errors;
use crate::log::LogQueue;
use crate::vault::Vault;

/// Most bytes that a reader hands over at once.
const PIECE: usize = 1 << 18;

/// Makes one framed envelope, piece by piece.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct Encryptor(Mutex<CoreEncryptor>);

#[pymethods]
impl Encryptor {
    #[new]
    #[pyo3(signature = (vault, context, aad, frame_size))]
    fn new(
        py: Python<'_>,
        vault: &Vault,
        context: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
        frame_size: usize,
    ) -> PyResult<Self> {
        let _delivery = vault.log().deliver_after(py);
        let call = Call::with_aad(context, aad)?;
        let options = stream_options(frame_size)?;
        let view = vault.blocking(None)?;
        errors::call_detached(py, || view.encryptor_blocking(&call.context, call.aad(), options)).map(Self::wrap)
    }

    /// Takes plaintext and gives what of the envelope is ready.
    fn update<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::new(data, "data")?;
        self.step(py, |encryptor, output| encryptor.update_blocking(data.as_slice(), output))
    }

    /// The same without waiting; `None` if a KMS has to be asked again first, with nothing taken.
    fn update_now<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let data = Input::new(data, "data")?;
        let mut encryptor = lock(&self.0)?;
        let (encryptor, mut output) = (&mut *encryptor, Vec::new());
        let done = errors::call_now_detached(py, || encryptor.update(data.as_slice(), &mut output))?;
        Ok(done.map(|()| PyBytes::new(py, &output)))
    }

    /// Gives the rest of the envelope.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.step(py, CoreEncryptor::finish_blocking)
    }
}

impl Encryptor {
    pub(crate) fn wrap(encryptor: CoreEncryptor) -> Self {
        Self(Mutex::new(encryptor))
    }

    fn step<'py>(
        &self,
        py: Python<'py>,
        step: impl FnOnce(&mut CoreEncryptor, &mut Vec<u8>) -> Result<(), Error> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut encryptor = lock(&self.0)?;
        let mut output = Vec::new();
        let encryptor = &mut *encryptor;
        errors::call_detached(py, || step(encryptor, &mut output))?;
        Ok(PyBytes::new(py, &output))
    }
}

/// Reads one envelope, piece by piece. It is out of the object while an event loop waits for its key.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct Decryptor {
    place: Arc<Mutex<Option<CoreDecryptor>>>,
}

#[pymethods]
impl Decryptor {
    #[new]
    #[pyo3(signature = (vault, context, aad))]
    fn new(
        py: Python<'_>,
        vault: &Vault,
        context: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let call = Call::with_aad(context, aad)?;
        let view = vault.awaited(None)?;
        let decryptor = errors::call(py, || view.decryptor(&call.context, call.aad()))?;
        Ok(Self { place: Arc::new(Mutex::new(Some(decryptor))) })
    }

    /// Takes more of the envelope and gives authenticated plaintext; `None` if a KMS has to be called first, with the input kept.
    fn update<'py>(&self, py: Python<'py>, envelope: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let envelope = Input::new(envelope, "envelope")?;
        self.step(py, |decryptor, output| decryptor.update_now(envelope.as_slice(), output))
    }

    /// Says that the envelope ends here, and gives the rest of the plaintext; `None` if a KMS has to be called first.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.step(py, CoreDecryptor::finish)
    }
}

impl Decryptor {
    /// Has the key fetched, or asked for again, on the runtime, and gives the plaintext that waited for it. A future that is dropped ends the stream.
    pub(crate) fn fetch_key(&self) -> PyResult<impl Future<Output = Result<WipedBytes, Error>> + Send + 'static> {
        let place = Arc::clone(&self.place);
        let mut decryptor = lock(&place)?.take().ok_or_else(in_use)?;
        Ok(async move {
            let mut output = WipedBytes::default();
            let result = decryptor.update(&[], &mut output).await;
            if let Ok(mut place) = place.lock() {
                *place = Some(decryptor);
            }
            result.map(|()| output)
        })
    }

    fn step<'py>(
        &self,
        py: Python<'py>,
        step: impl FnOnce(&mut CoreDecryptor, &mut Vec<u8>) -> Result<(), Error> + Send,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut place = lock(&self.place)?;
        let decryptor = place.as_mut().ok_or_else(in_use)?;
        let mut output = WipedBytes::default();
        let done = errors::call_now_detached(py, || step(decryptor, &mut output))?;
        Ok(done.map(|()| PyBytes::new(py, &output)))
    }
}

/// Decrypts a file of Python.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct Reader {
    reader: Mutex<DecryptReader<Source>>,
    log: Arc<LogQueue>,
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (vault, source, context, aad, cancel))]
    fn new(
        py: Python<'_>,
        vault: &Vault,
        source: Py<PyAny>,
        context: &Bound<'_, PyAny>,
        aad: Option<&Bound<'_, PyAny>>,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Self> {
        let call = Call::with_aad(context, aad)?;
        let view = match cancel {
            Some(token) => Cow::Owned(vault.cancelled_by(&token.0)),
            None => vault.blocking(None)?,
        };
        let decryptor = errors::call(py, || view.decryptor(&call.context, call.aad()))?;
        Ok(Self { reader: Mutex::new(DecryptReader::new(Source(source), decryptor)), log: Arc::clone(vault.log()) })
    }

    /// Reads once into the caller's memory; 0 only at the authenticated end.
    fn readinto(&self, py: Python<'_>, output: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut output = Output::new(output, "output")?;
        let mut own = WipedBytes::new(vec![0; output.len().min(PIECE)]);
        let count = self.run(py, |reader| reader.read(&mut own))?;
        output.with_slice(py, |output| output[..count].copy_from_slice(&own[..count]));
        Ok(count)
    }

    /// Reads at an offset of the plaintext, less than `length` bytes only at the end; the position stays.
    fn read_at<'py>(&self, py: Python<'py>, offset: u64, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        let whole = self.run(py, DecryptReader::payload_length)?;
        let length = length.min(usize::try_from(whole.saturating_sub(offset)).unwrap_or(usize::MAX));
        PyBytes::new_with(py, length, |output| self.run(py, |reader| reader.read_at(offset, output)).map(drop))
    }

    #[pyo3(signature = (offset, whence))]
    fn seek(&self, py: Python<'_>, offset: i64, whence: u8) -> PyResult<u64> {
        let target = match whence {
            0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| negative_seek())?),
            1 => SeekFrom::Current(offset),
            2 => SeekFrom::End(offset),
            _ => return Err(PyValueError::new_err("whence: 0, 1 or 2 is required")),
        };
        self.run(py, |reader| reader.seek(target))
    }
}

impl Reader {
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        operation: impl FnOnce(&mut DecryptReader<Source>) -> io::Result<T> + Send,
    ) -> PyResult<T> {
        let _delivery = self.log.deliver_after(py);
        let mut reader = lock(&self.reader)?;
        let reader = &mut *reader;
        errors::io_detached(py, || operation(reader))
    }
}

/// Ends the wait for a KMS of a reader in another thread.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct CancelToken(libvault::CancelToken);

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self(libvault::CancelToken::default())
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A binary file of Python, as the core reads one.
struct Source(Py<PyAny>);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = |py: Python<'_>| -> PyResult<usize> {
            let data = self.0.bind(py).call_method1("read", (buffer.len(),))?;
            if data.is_none() {
                return Err(PyBlockingIOError::new_err("the source has no data yet"));
            }
            let data =
                data.cast_into::<PyBytes>().map_err(|_| PyTypeError::new_err("source: read() must give bytes"))?;
            let data = data.as_bytes();
            let room = buffer.get_mut(..data.len());
            room.ok_or_else(|| PyValueError::new_err("source: read() gave more than it was asked for"))?
                .copy_from_slice(data);
            Ok(data.len())
        };
        Ok(Python::attach(read)?)
    }
}

impl Seek for Source {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let (offset, whence) = match target {
            SeekFrom::Start(offset) => (i128::from(offset), 0),
            SeekFrom::Current(offset) => (i128::from(offset), 1),
            SeekFrom::End(offset) => (i128::from(offset), 2),
        };
        Ok(Python::attach(|py| -> PyResult<u64> { self.0.bind(py).call_method1("seek", (offset, whence))?.extract() })?)
    }
}

/// A file that appears under its name when it is complete, or not at all.
#[pyclass(frozen, module = "libvault._libvault")]
pub(crate) struct AtomicFile {
    path: PathBuf,
    place: Mutex<Option<CoreFile>>,
}

#[pymethods]
impl AtomicFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf, plaintext: bool, replace: bool) -> PyResult<Self> {
        let contents = if plaintext { FileContents::Plaintext } else { FileContents::Envelope };
        let file = errors::file_detached(py, &path, || CoreFile::create(&path, contents, replace))?;
        Ok(Self { path, place: Mutex::new(Some(file)) })
    }

    fn write(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<usize> {
        let mut place = lock(&self.place)?;
        let file = place.as_mut().ok_or_else(closed)?;
        let data = data.as_bytes();
        errors::io_detached(py, || file.write_all(data))?;
        Ok(data.len())
    }

    /// Gives the file its name.
    fn publish(&self, py: Python<'_>) -> PyResult<()> {
        let file = lock(&self.place)?.take().ok_or_else(closed)?;
        errors::file_detached(py, &self.path, || file.publish())
    }

    /// Removes what was written.
    fn discard(&self, py: Python<'_>) -> PyResult<()> {
        let file = lock(&self.place)?.take();
        py.detach(|| drop(file));
        Ok(())
    }
}

pub(crate) fn stream_options(frame_size: usize) -> PyResult<StreamOptions> {
    if !frame_size.is_power_of_two() || !(4096..=1 << 20).contains(&frame_size) {
        return Err(PyValueError::new_err("frame_size: a power of two from 4096 to 1048576 is required"));
    }
    Ok(StreamOptions { frame_size })
}

/// Never waits: a stream belongs to one thread, and one that waited would wait for itself where a source reads the stream that reads it.
fn lock<T>(mutex: &Mutex<T>) -> PyResult<MutexGuard<'_, T>> {
    mutex.try_lock().map_err(|_| in_use())
}

fn in_use() -> PyErr {
    PyRuntimeError::new_err("the stream is in use by another call")
}

fn closed() -> PyErr {
    PyValueError::new_err("I/O operation on closed file")
}

fn negative_seek() -> PyErr {
    PyValueError::new_err("offset: the position is negative")
}
