package world

// Uniform is the input of the original prototype: independent whole percentages 0..100 for every
// mixnode. Nothing is measured, so there is no truth.
type Uniform struct{ source }

// NewUniform returns the source that c describes, or an error that wraps [ErrConfig]. It ignores
// Packets.
func NewUniform(c Config) (*Uniform, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Uniform{source: newSource(c)}, nil
}

// Sample returns what a Nym-API (from 1) measures for a mixnode (by index) in a tick, in percent
// (0..100), and false if the sample is lost.
func (u *Uniform) Sample(api, mix int, tick int64) (value uint8, ok bool) {
	at, ok := u.tick(drawUniform, api, mix, tick)
	if !ok {
		return 0, false
	}
	return uint8(at.With(1).Below(101)), true
}

// Truth always returns false.
func (u *Uniform) Truth(int, int64, int64) (points float64, ok bool) { return 0, false }

// Uptime always returns false.
func (u *Uniform) Uptime(int, int64, int64) (points float64, ok bool) { return 0, false }
