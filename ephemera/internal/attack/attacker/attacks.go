package attacker

// Attacks returns all attacks. The comment above each file's function says which rule of the
// protocol it tests.
func Attacks() []Attack {
	return append([]Attack{
		{Name: "garbage", Does: "random bytes on every stream", run: garbage},
		{Name: "oversize", Does: "frames that are too long, and the longest ones", run: oversize},
		{Name: "nulls", Does: "few bytes that stand for many values", run: nulls},
		{Name: "signatures", Does: "frames with bad signatures", run: signatures},
		{Name: "strangers", Does: "gossip of messages that strangers signed", run: strangers},
		{Name: "replays", Does: "gossip of others' messages again, and of forged ones", run: replays},
		{Name: "storm", Does: "its own messages on direct streams, again and again", run: storm},
		{Name: "frontiers", Does: "frontiers and lists of unknown messages", run: frontiers},
		{Name: "digests", Does: "frontiers with true heights and false digests", run: digests},
		{Name: "claims", Does: "claims to hold blocks that do not exist", run: claims},
		{Name: "unknown", Does: "requests for messages that nobody knows", run: unknown},
		{Name: "known", Does: "requests for all blocks, whose answers are read", run: known},
		{Name: "deaf", Does: "requests for all blocks, whose answers are not read", run: deaf},
		{Name: "quota", Does: "as many valid messages as it may have", run: quota},
		{Name: "chain", Does: "blocks of 4 MB, one after the other", run: chain},
		{Name: "blocks", Does: "tiny blocks, one after the other", run: blocks},
		{Name: "withhold", Does: "proposals whose messages are withheld", run: withhold},
		{Name: "equivocate", Does: "two proposals for every height, and the proof", run: equivocate},
		{Name: "stale", Does: "old certificates, echoes and proposals again", run: stale},
		{Name: "dates", Does: "blocks and messages dated 1970 and 2^53-1", run: dates},
		{Name: "extremes", Does: "heights, times and numbers up to 2^53-1", run: extremes},
		{Name: "flap", Does: "connections that are closed at once", run: flap},
		{Name: "company", Does: "announcements of groups that do not exist", run: company},
		{Name: "oldgroup", Does: "frontiers and requests about a closed group", Regroup: true, run: oldGroup},
	}, keylessAttacks()...)
}
