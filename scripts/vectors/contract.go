package vectors

// contractBugs are at least two for each rule of package performance.
var contractBugs = []bug{
	// Order of the checks that do not depend on nodes.
	{"anybody submits", "submit.go", "if err := c.checkAuthorised(sender); err != nil {\n\t\treturn err\n\t}\n\tif epoch", "if epoch"},
	{
		"the epoch is looked at before the sender", "submit.go",
		"if err := c.checkAuthorised(sender); err != nil {\n\t\treturn err\n\t}\n\tif epoch != c.epoch {\n\t\treturn &Refusal{Reason: EpochNotCurrent, Epoch: epoch, Current: c.epoch}\n\t}",
		"if epoch != c.epoch {\n\t\treturn &Refusal{Reason: EpochNotCurrent, Epoch: epoch, Current: c.epoch}\n\t}\n\tif err := c.checkAuthorised(sender); err != nil {\n\t\treturn err\n\t}",
	},
	{"past epochs are open", "submit.go", "if epoch != c.epoch {", "if epoch > c.epoch {"},
	{"future epochs are open", "submit.go", "if epoch != c.epoch {", "if epoch < c.epoch {"},
	{"a transition seals nothing", "submit.go", "c.status != InProgress", "false"},
	{"only rewarding seals the epoch", "submit.go", "c.status != InProgress", "c.status == Rewarding"},
	{
		"the status is looked at before the epoch", "submit.go",
		"if epoch != c.epoch {\n\t\treturn &Refusal{Reason: EpochNotCurrent", "if c.status != InProgress {\n\t\treturn &Refusal{Reason: EpochInTransition, Epoch: epoch}\n\t}\n\tif epoch != c.epoch {\n\t\treturn &Refusal{Reason: EpochNotCurrent",
	},
	{"a new epoch keeps the status", "contract.go", "\tc.status = InProgress\n", ""},

	// Cursor.
	{"the same node twice", "submit.go", "node <= last.Node", "node < last.Node"},
	{"nodes in any order", "submit.go", "if epoch < last.Epoch || epoch == last.Epoch && node <= last.Node {", "if epoch < last.Epoch || epoch == last.Epoch && node == last.Node {"},
	{"nodes ascend across epochs", "submit.go", "epoch == last.Epoch && node <= last.Node", "node <= last.Node"},
	{"a batch is judged by its last node", "submit.go", "c.checkCursor(sender, epoch, entries[0].Node)", "c.checkCursor(sender, epoch, entries[len(entries)-1].Node)"},
	{"a batch moves the cursor to its first node", "submit.go", "c.cursors[sender] = Cursor{Epoch: epoch, Node: entries[len(entries)-1].Node}", "c.cursors[sender] = Cursor{Epoch: epoch, Node: entries[0].Node}"},
	{"skipped nodes do not move the cursor", "submit.go", "\tc.cursors[sender] = Cursor{Epoch: epoch, Node: entries[len(entries)-1].Node}\n\treturn done, nil", "\tif done.Accepted > 0 {\n\t\tc.cursors[sender] = Cursor{Epoch: epoch, Node: entries[len(entries)-1].Node}\n\t}\n\treturn done, nil"},
	{"a batch moves no cursor", "submit.go", "\tc.cursors[sender] = Cursor{Epoch: epoch, Node: entries[len(entries)-1].Node}\n", ""},
	{"a submission moves no cursor", "submit.go", "\tc.cursors[sender] = Cursor{Epoch: epoch, Node: entry.Node}\n", ""},
	{"a new cursor is of the epoch before", "contract.go", "c.cursors[monitor] = Cursor{Epoch: c.epoch}", "c.cursors[monitor] = Cursor{Epoch: c.epoch - min(1, c.epoch)}"},
	{"an authorised monitor keeps its old cursor", "contract.go", "c.cursors[monitor] = Cursor{Epoch: c.epoch}", "_, had := c.bundles[c.epoch][7]\n\tc.cursors[monitor] = Cursor{Epoch: c.epoch, Node: map[bool]NodeID{true: 7}[had]}"},

	// Values and order of a batch.
	{"empty submissions are accepted", "submit.go", "if entry.Values.Empty() {\n\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t}\n\tif !c", "if !c"},
	{"empty entries of a batch are accepted", "submit.go", "if entry.Values.Empty() {\n\t\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t\t}\n\t\tif i", "if i"},
	{
		"the order is looked at before the values", "submit.go",
		"if entry.Values.Empty() {\n\t\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t\t}\n\t\tif i > 0 && entry.Node <= entries[i-1].Node {\n\t\t\treturn &Refusal{Reason: UnsortedBatch}\n\t\t}",
		"if i > 0 && entry.Node <= entries[i-1].Node {\n\t\t\treturn &Refusal{Reason: UnsortedBatch}\n\t\t}\n\t\tif entry.Values.Empty() {\n\t\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t\t}",
	},
	{"a batch may have a node twice", "submit.go", "entry.Node <= entries[i-1].Node", "entry.Node < entries[i-1].Node"},
	{"a batch may descend", "submit.go", "entry.Node <= entries[i-1].Node", "entry.Node == entries[i-1].Node"},
	{
		"a batch is checked before its cursor", "submit.go", "\tif err := c.checkCursor(sender, epoch, entries[0].Node); err != nil {\n\t\treturn Batched{}, err\n\t}\n\tif err := checkEntries(entries); err != nil {\n\t\treturn Batched{}, err\n\t}",
		"\tif err := checkEntries(entries); err != nil {\n\t\treturn Batched{}, err\n\t}\n\tif err := c.checkCursor(sender, epoch, entries[0].Node); err != nil {\n\t\treturn Batched{}, err\n\t}",
	},
	{"the part of a batch before a bad entry is stored", "submit.go", "if err := checkEntries(entries); err != nil {\n\t\treturn Batched{}, err", "if err := checkEntries(entries); err != nil {\n\t\tc.insert(entries[0])\n\t\treturn Batched{}, err"},
	{"an empty batch of anybody", "submit.go", "\tif err := c.checkWritable(sender, epoch); err != nil {\n\t\treturn Batched{}, err\n\t}\n\tif len(entries) == 0 {\n\t\treturn Batched{}, nil\n\t}", "\tif len(entries) == 0 {\n\t\treturn Batched{}, nil\n\t}\n\tif err := c.checkWritable(sender, epoch); err != nil {\n\t\treturn Batched{}, err\n\t}"},
	{"an empty batch resets the cursor", "submit.go", "if len(entries) == 0 {\n", "if len(entries) == 0 {\n\t\tc.cursors[sender] = Cursor{Epoch: epoch}\n"},

	// Bonded nodes.
	{"a submission of any node", "submit.go", "if !c.bonded[entry.Node] {\n\t\treturn", "if false {\n\t\treturn"},
	{"the bond is looked at before the values", "submit.go", "if entry.Values.Empty() {\n\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t}\n\tif !c", "if entry.Values.Empty() && c.bonded[entry.Node] {\n\t\treturn &Refusal{Reason: EmptyNodeSubmission, Node: entry.Node}\n\t}\n\tif !c"},
	{"the bond is looked at before the cursor", "submit.go", "if err := c.checkCursor(sender, epoch, entry.Node); err != nil {", "if !c.bonded[entry.Node] {\n\t\treturn &Refusal{Reason: NodeNotBonded, Node: entry.Node}\n\t}\n\tif err := c.checkCursor(sender, epoch, entry.Node); err != nil {"},
	{"a batch of any node", "submit.go", "if !c.bonded[entry.Node] {\n\t\t\tdone", "if false {\n\t\t\tdone"},
	{"skipped nodes are not listed", "submit.go", "\t\t\tdone.NotBonded = append(done.NotBonded, entry.Node)\n", ""},
	{"skipped nodes are counted", "submit.go", "\t\t\tdone.NotBonded = append(done.NotBonded, entry.Node)\n", "\t\t\tdone.NotBonded = append(done.NotBonded, entry.Node)\n\t\t\tdone.Accepted++\n"},
	{"unbonding removes the bundle", "contract.go", "delete(c.bonded, node) }", "delete(c.bonded, node); delete(c.bundles[c.epoch], node) }"},

	// Rounding, storing, medians.
	{"values are cut", "percent.go", "(atoms + atomsPerPercent/2) / atomsPerPercent", "atoms / atomsPerPercent"},
	{"a half is rounded down", "percent.go", "(atoms + atomsPerPercent/2) / atomsPerPercent", "(atoms + atomsPerPercent/2 - 1) / atomsPerPercent"},
	{"values are rounded up", "percent.go", "(atoms + atomsPerPercent/2) / atomsPerPercent", "(atoms + atomsPerPercent - 1) / atomsPerPercent"},
	{"values are not sorted", "bundle.go", "at := sort.Search(len(b[kind]), func(i int) bool { return b[kind][i] > value })", "at := len(b[kind]) + 0*sort.Search(1, func(int) bool { return true })"},
	{"equal values are stored once", "bundle.go", "b[kind] = slices.Insert(b[kind], at, value)", "if at == 0 || b[kind][at-1] != value {\n\t\t\tb[kind] = slices.Insert(b[kind], at, value)\n\t\t}"},
	{"an absent value is 0", "bundle.go", "if value == Absent {\n\t\t\tcontinue\n\t\t}", "if value == Absent {\n\t\t\tvalue = 0\n\t\t}"},
	{"the lower median", "bundle.go", "return (sorted[n/2-1] + sorted[n/2] + 1) / 2", "return sorted[n/2-1]"},
	{"the median is cut", "bundle.go", "return (sorted[n/2-1] + sorted[n/2] + 1) / 2", "return (sorted[n/2-1] + sorted[n/2]) / 2"},
	{"the upper median", "bundle.go", "return (sorted[n/2-1] + sorted[n/2] + 1) / 2", "return sorted[n/2]"},
	{"the middle is one too low", "bundle.go", "case n%2 == 1:\n\t\treturn sorted[n/2]", "case n%2 == 1:\n\t\treturn sorted[max(n/2, 1)-1]"},

	// Weights and score.
	{"weights may sum to less", "weights.go", "w.Liveness+w.Stress != Weight(one)", "w.Liveness+w.Stress > Weight(one)"},
	{"weights may sum to more", "weights.go", "w.Liveness+w.Stress != Weight(one)", "w.Liveness+w.Stress < Weight(one)"},
	{"weights count at once", "contract.go", "EffectiveFrom: c.epoch + 1, Weights", "EffectiveFrom: c.epoch, Weights"},
	{"the first update of an epoch counts", "contract.go", "c.weights = c.weights[:last]\n", "return next.EffectiveFrom, nil\n"},
	{"weights in force before the first epoch", "contract.go", "return EpochWeights{}, false", "return c.weights[0], true"},
	{"weights end with their epoch", "contract.go", "if w.EffectiveFrom <= epoch {", "if w.EffectiveFrom < epoch {"},
	{"weights of the source's epoch", "inputs.go", "\tif in.Weighted {\n", "\tin.Weights, in.Weighted = c.WeightsAt(in.Source)\n\tif in.Weighted {\n"},
	{"an absent kind is not renormalised away", "weights.go", "mean := mulDiv(sum, one, total)", "mean := sum"},
	{"a kind counts as 0 when absent", "weights.go", "if weight > 0 && medians[kind] != Absent {", "if medians[kind] == Absent {\n\t\t\ttotal += uint64(weight)\n\t\t} else if weight > 0 {"},
	{"the weights are the wrong way round", "weights.go", "Liveness: w.Liveness, Stress: w.Stress}", "Liveness: w.Stress, Stress: w.Liveness}"},
	{"no config is full config", "weights.go", "if total == 0 || medians[Config] == Absent {\n\t\treturn Absent\n\t}", "if total == 0 {\n\t\treturn Absent\n\t}\n\tmedians[Config] = min(medians[Config], Full)"},
	{"config does not count", "weights.go", "mulDiv(mean, uint64(medians[Config]), uint64(Full))", "mean"},
	{"the mean is rounded before config", "weights.go", "mean := mulDiv(sum, one, total)", "mean := uint64(roundAtoms(mulDiv(sum, one, total))) * atomsPerPercent"},
	{"without a kind the score is 0", "weights.go", "if total == 0 || medians[Config] == Absent {", "if total == 0 && medians[Config] != Absent {\n\t\treturn 0\n\t}\n\tif total == 0 || medians[Config] == Absent {"},

	// Look-back and pointers.
	{"a look-back of 23 epochs", "inputs.go", "const LookBack = 24", "const LookBack = 23"},
	{"a look-back of 25 epochs", "inputs.go", "const LookBack = 24", "const LookBack = 25"},
	{"no look-back", "inputs.go", "newest >= oldest && c.has(newest, node)", "false"},
	{"older than the newest removed bundle", "inputs.go", "if newest <= epoch {", "if newest <= epoch && c.has(newest, node) {"},
	{"a look-back from earlier epochs only by the pointer", "inputs.go", "for e := epoch; e > oldest; e-- {", "for e := epoch; e > epoch; e-- {"},
	{"a walk that takes the oldest", "inputs.go", "for e := epoch; e > oldest; e-- {\n\t\tif c.has(e-1, node) {\n\t\t\treturn e - 1, true", "for e := oldest; e < epoch; e++ {\n\t\tif c.has(e, node) {\n\t\t\treturn e, true"},
	{"the bundle of the epoch is ignored", "inputs.go", "if c.has(epoch, node) {\n\t\treturn epoch, true\n\t}\n\tnewest", "newest"},
	{"a pointer to the first bundle", "submit.go", "c.pointers[entry.Node] = c.epoch", "if _, known := c.pointers[entry.Node]; !known {\n\t\t\tc.pointers[entry.Node] = c.epoch\n\t\t}"},
	{"no pointer", "submit.go", "\t\tc.pointers[entry.Node] = c.epoch\n", ""},

	// What the admin does.
	{"anybody is the admin", "contract.go", "if sender != c.admin {", "if sender == \"\" {"},
	{"the old admin remains", "contract.go", "\tc.admin = admin\n", ""},
	{"a monitor is authorised twice", "contract.go", "if _, known := c.cursors[monitor]; known {", "if _, known := c.cursors[monitor]; known && monitor == \"\" {"},
	{"anybody is retired", "contract.go", "if err := c.checkAuthorised(monitor); err != nil {\n\t\treturn err\n\t}\n\tdelete", "delete"},
	{"a retired monitor submits", "contract.go", "\tdelete(c.cursors, monitor)\n", ""},
	{"removing a node removes nothing", "contract.go", "\tdelete(c.bundles[epoch], node)\n", "\t_ = node\n"},
	{"removing a node removes its pointer", "contract.go", "\tdelete(c.bundles[epoch], node)\n", "\tdelete(c.bundles[epoch], node)\n\tdelete(c.pointers, node)\n"},
	{"removing an epoch removes nothing", "contract.go", "\tdelete(c.bundles, epoch)\n", ""},
	{"removing an epoch removes the pointers", "contract.go", "\tdelete(c.bundles, epoch)\n", "\tfor node := range c.bundles[epoch] {\n\t\tdelete(c.pointers, node)\n\t}\n\tdelete(c.bundles, epoch)\n"},
	{"removing a node frees the cursors", "contract.go", "\tdelete(c.bundles[epoch], node)\n", "\tdelete(c.bundles[epoch], node)\n\tfor m := range c.cursors {\n\t\tc.cursors[m] = Cursor{Epoch: epoch}\n\t}\n"},
}
