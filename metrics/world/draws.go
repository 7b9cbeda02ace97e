package world

// The kinds of draw, with the words that follow.
const (
	// drawKind, mixnode: the kind of a mixnode.
	drawKind = iota + 1
	// drawQuality, mixnode: p of a mediocre mixnode.
	drawQuality
	// drawLoss, Nym-API, mixnode: the loss between them.
	drawLoss
	// drawSample, Nym-API, mixnode, tick: 0 whether it is lost, then two packets in each word.
	drawSample
	// drawFlap, mixnode, span: 0 the first state, then how long each state lasts.
	drawFlap
	// drawUniform, Nym-API, mixnode, tick: 0 whether it is lost, 1 the value.
	drawUniform
	// drawRepeat, Nym-API, mixnode, tick, number of the repetition: as drawSample.
	drawRepeat
)
