"""The keys that sign: of the log, and of this registry as a witness of others.

They are not in the database, whose backups go about, but in a folder that only the registry reads, or in the
environment. Beside them lies the last checkpoint that they signed: whatever happens to the database, nothing
is signed that contradicts it.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry.durable import sync_folder, write_whole
from registry.errors import Misconfigured
from registry.settings import Settings
from registry.transparency.notes import COSIGNATURE, ED25519, Signer, Verifier, origin_hash

LOG_KEY, WITNESS_KEY, SIGNED = "log.key", "witness.key", "log.signed"
COSIGNED = "cosigned"
"""The folder, among the keys, of the last checkpoint of each log that was cosigned."""
NEXT_KEY = "log.key.next"
_PREFIX = "PRIVATE+KEY"


@dataclass(frozen=True, slots=True)
class Keys:
    """What this process may sign with. `log` are the log's keys, the newest first: while two overlap, both
    sign. Empty where this process has none. `given` are those that the environment brought.
    """

    folder: Path
    log: tuple[Signer, ...] = ()
    witness: Signer | None = None
    given: bool = False

    @property
    def verifiers(self) -> list[Verifier]:
        return [signer.verifier for signer in self.log]

    def renewed(self) -> "Keys":
        """The keys as they are by now: an operator changes them while the registry serves. Raises
        `Misconfigured` where they are gone.
        """
        if self.given:
            return self
        found = tuple(_read_file(self.folder / LOG_KEY))
        if not found:
            raise Misconfigured(f"The log's key {self.folder / LOG_KEY} is gone. Bring it back.")
        _of_origin(found, self.log[0].name)
        return replace(self, log=found)

    def signed(self) -> bytes | None:
        """The last checkpoint that was signed here."""
        try:
            return (self.folder / SIGNED).read_bytes()
        except FileNotFoundError:
            return None

    def remember(self, checkpoint: bytes) -> None:
        """Keep a checkpoint before anybody sees it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.folder / SIGNED, checkpoint)
        sync_folder(self.folder)

    def cosigned(self, origin: str) -> bytes | None:
        """The last checkpoint of another log that was cosigned here."""
        try:
            return self._place(origin).read_bytes()
        except FileNotFoundError:
            return None

    def remember_cosigned(self, origin: str, checkpoint: bytes) -> None:
        """The same as `remember`, of another log."""
        place = self._place(origin)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, checkpoint)
        sync_folder(place.parent)

    def _place(self, origin: str) -> Path:
        return self.folder / COSIGNED / origin_hash(origin)


def prepare(settings: Settings, origin: str) -> Keys:
    """The keys of a registry, made where there are none yet. Safe to repeat."""
    folder = settings.keys_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.log_key is None:
        _make(folder / LOG_KEY, Signer(origin, secrets.token_bytes(32)))
    _make(folder / WITNESS_KEY, Signer(witness_name(origin), secrets.token_bytes(32), COSIGNATURE))
    return load(settings, origin)


def load(settings: Settings, origin: str) -> Keys:
    """The keys that this process has, maybe none. Raises `Misconfigured` for keys that are of another origin,
    or that anybody on the machine could read.
    """
    folder = settings.keys_folder
    if settings.log_key is not None:
        log = read_keys(settings.log_key.get_secret_value(), "CANDOR_LOG_KEY")
    else:
        log = _read_file(folder / LOG_KEY)
    _of_origin(log, origin)
    witness = _read_file(folder / WITNESS_KEY)
    return Keys(folder, tuple(log), witness[0] if witness else None, settings.log_key is not None)


def _of_origin(log: Sequence[Signer], origin: str) -> None:
    for signer in log:
        if signer.name != origin or signer.type != ED25519:
            raise Misconfigured(
                f"The log's key is of {signer.name}, and this registry is {origin}. Each has its own."
            )


def write_log_keys(folder: Path, signers: Sequence[Signer]) -> None:
    """Replace the log's keys, the newest first."""
    write_whole(folder / LOG_KEY, "".join(f"{private_text(signer)}\n" for signer in signers).encode())
    sync_folder(folder)


def witness_name(origin: str) -> str:
    """The name under which a registry signs as a witness: apart from that of its log."""
    return f"{origin}/witness"


def private_text(signer: Signer) -> str:
    """A private key as text, as Go's `sumdb/note` writes it: with a name, a hash and base64."""
    key = base64.b64encode(bytes([signer.type]) + signer.seed).decode()
    return f"{_PREFIX}+{signer.name}+{signer.verifier.key_id.hex()}+{key}"


def read_keys(text: str, source: str) -> list[Signer]:
    """Private keys with white space between them. Raises `Misconfigured`, naming `source` and no secret."""
    signers: list[Signer] = []
    for word in text.split():
        # The key's base64 may hold a plus itself; a name holds none.
        parts = word.split("+", 4)
        if len(parts) != 5 or "+".join(parts[:2]) != _PREFIX:
            raise _mistyped(source)
        _, _, name, key_id, encoded = parts
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise _mistyped(source) from None
        signers.append(_checked(name, key_id, raw, source))
    if not signers:
        raise Misconfigured(f"{source} holds no key.")
    return signers


def _checked(name: str, key_id: str, raw: bytes, source: str) -> Signer:
    if len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
        raise _mistyped(source)
    signer = Signer(name, raw[1:], raw[0])
    if signer.verifier.key_id.hex() != key_id:
        raise _mistyped(source)
    return signer


def _mistyped(source: str) -> Misconfigured:
    return Misconfigured(
        f"{source} is no private key, as `candor init` writes it: PRIVATE+KEY+name+hash+base64."
    )


def _read_file(path: Path) -> list[Signer]:
    try:
        text = path.read_text()
        open_to_others = os.stat(path).st_mode & 0o077
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The key {path} cannot be read: {type(error).__name__}.") from None
    if open_to_others:
        raise Misconfigured(f"The key {path} can be read by others on this machine. Run: chmod 600 {path}")
    return read_keys(text, str(path))


def _make(path: Path, signer: Signer) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(f"{private_text(signer)}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
