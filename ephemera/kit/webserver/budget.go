package webserver

import "time"

// budget bounds how much work is done in a second: a bucket that refills at a rate. Work is paid
// for afterwards, when its size is known. Until then, requests count as much as recent ones. A nil
// budget has no bound. It is not safe for concurrent use.
type budget struct {
	rate, burst float64   // bytes per second, bytes
	credit      float64   // bytes
	usual       float64   // bytes that a request costs, on average
	at          time.Time // of credit
}

// requestBytes is what a request costs in addition to the bytes of its answer.
const requestBytes = 2 << 10

func newBudget(rate, burst int64) *budget {
	return &budget{rate: float64(rate), burst: float64(burst), credit: float64(burst), at: time.Now()}
}

// wait returns how long it takes until there is something for a request, while a number of others
// are not paid for.
func (b *budget) wait(others int) time.Duration {
	if b == nil {
		return 0
	}
	now := time.Now()
	b.credit = min(b.burst, b.credit+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	left := b.credit - b.usual*float64(others)
	if left >= 0 {
		return 0
	}
	return time.Duration(-left/b.rate*float64(time.Second)) + time.Microsecond // rounded up
}

// pay notes that a request was answered with a number of bytes.
func (b *budget) pay(bytes int) {
	if b == nil {
		return
	}
	const recent = 8
	cost := float64(requestBytes + bytes)
	b.credit -= cost
	b.usual += (cost - b.usual) / recent
}
