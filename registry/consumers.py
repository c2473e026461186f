"""Who reads the changelog: the registry's own readers, and those that extensions bring."""

from collections.abc import Sequence

from registry.changelog.tail import LogReader
from registry.dumps.withdrawing import DumpWithdrawer
from registry.extensions import Extension, Node
from registry.moderation.anomalies.reader import ActivityReader
from registry.records.campaigns.reader import CampaignReader
from registry.records.rewriting import Rewriter
from registry.transparency import keys
from registry.transparency.sequencer import Sequencer
from registry.transparency.storage import Storage
from registry.transparency.taken_back import TakenBackReader
from registry.transparency.witnesses import WitnessReader, read_witnesses


def readers_of(node: Node, extensions: Sequence[Extension], storage: Storage) -> list[LogReader]:
    """Each reads by itself, under a lease of its own. Only a process with the log's key writes the log, whose
    files are in `storage`, and the list that lies beside the key.
    """
    readers: list[LogReader] = [ActivityReader(node), CampaignReader(node.database), Rewriter(node.database)]
    held = keys.load(node.settings, node.origin)
    if held.log:
        readers.append(Sequencer(node.database, node.origin, held, storage))
        readers.append(TakenBackReader(node.database, held.folder))
        readers.append(DumpWithdrawer(node.database, node.settings, node.origin))
    readers += [
        WitnessReader(node.database, node.origin, storage, witness, node.settings)
        for witness in read_witnesses(node.settings)
    ]
    for extension in extensions:
        readers += extension.readers(node) if extension.readers else ()
    return readers
