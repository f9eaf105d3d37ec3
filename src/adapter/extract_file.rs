//! A file of the directory: plain text, or a ZIP archive of one deflated text (APPNOTE 6.3.10), read as a stream.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use zip::ZipArchive;

/// A text may have this many bytes once unpacked: five times the largest extract known.
pub const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// A file ready to be read.
pub struct ExtractFile {
    /// Its text.
    pub reader: Box<dyn BufRead + Send>,
    /// Bytes of text.
    pub size: u64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExtractFileError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A damaged archive, or a kind of archive that is not taken.
    #[error("not a ZIP archive that can be read: {0}")]
    Archive(zip::result::ZipError),
    /// More than one file in the archive, or none.
    #[error("the archive must hold one file, and holds {0}")]
    Entries(usize),
    /// More than [`LARGEST`].
    #[error("the text is larger than 4 GiB")]
    TooLarge,
}

impl ExtractFile {
    /// Opens the file at `path`. An archive is told by its first bytes, not by its name.
    ///
    /// # Errors
    /// [`ExtractFileError`].
    pub fn open(path: &Path) -> Result<Self, ExtractFileError> {
        let mut file = File::open(path)?;
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        if magic == b"PK\x03\x04" || magic == b"PK\x05\x06" {
            return Self::unpack(file);
        }
        let size = file.metadata()?.len();
        refuse_large(size)?;
        Ok(Self { reader: Box::new(BufReader::with_capacity(PIECE, file.take(LARGEST))), size })
    }

    fn unpack(file: File) -> Result<Self, ExtractFileError> {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(ExtractFileError::Archive)?;
        if archive.len() != 1 {
            return Err(ExtractFileError::Entries(archive.len()));
        }
        let entry = archive.by_index(0).map_err(ExtractFileError::Archive)?;
        let size = entry.size();
        refuse_large(size)?;
        drop(entry);
        let (sender, receiver) = sync_channel(PIECES);
        // The entry borrows the archive: both live on this thread, which ends with the file or with its reader.
        std::thread::spawn(move || send_entry(archive, &sender));
        Ok(Self { reader: Box::new(BufReader::with_capacity(PIECE, Pieces::new(receiver))), size })
    }
}

const fn refuse_large(size: u64) -> Result<(), ExtractFileError> {
    if size > LARGEST { Err(ExtractFileError::TooLarge) } else { Ok(()) }
}

type Piece = io::Result<Vec<u8>>;

fn send_entry(mut archive: ZipArchive<BufReader<File>>, sender: &SyncSender<Piece>) {
    let mut entry = match archive.by_index(0) {
        // What the archive says of its size is not believed.
        Ok(entry) => entry.take(LARGEST),
        Err(error) => {
            // A reader that has gone needs no answer.
            let _ = sender.send(Err(io::Error::other(error)));
            return;
        }
    };
    loop {
        let mut piece = vec![0; PIECE];
        let read = entry.read(&mut piece).map(|length| {
            piece.truncate(length);
            piece
        });
        let last = !matches!(&read, Ok(piece) if !piece.is_empty());
        if sender.send(read).is_err() || last {
            return;
        }
    }
}

/// The pieces of an entry as one stream. It ends with an empty piece: a sender that is gone without one has failed.
struct Pieces {
    receiver: Receiver<Piece>,
    piece: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Pieces {
    const fn new(receiver: Receiver<Piece>) -> Self {
        Self { receiver, piece: io::Cursor::new(Vec::new()), ended: false }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.piece.read(buffer)?;
            if length > 0 || self.ended || buffer.is_empty() {
                return Ok(length);
            }
            let piece = self.receiver.recv().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))??;
            self.ended = piece.is_empty();
            self.piece = io::Cursor::new(piece);
        }
    }
}

const PIECE: usize = 128 * 1024;
const PIECES: usize = 4;
