package stranger

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/wait"
)

const (
	probePause   = 200 * time.Millisecond
	probeTimeout = 5 * time.Second
	maxAnswer    = time.Second // within which an honest request is answered
)

// Probe measures honest requests. Its methods may be called concurrently.
type Probe struct {
	mu     sync.Mutex
	took   []time.Duration
	failed int
	why    error // of a request that failed
}

// Run requests every URL five times a second until ctx is done, on a new connection each time.
func (p *Probe) Run(ctx context.Context, urls []string) {
	client := http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	var probing sync.WaitGroup
	defer probing.Wait()
	for _, url := range urls {
		probing.Go(func() {
			for ctx.Err() == nil {
				p.ask(ctx, &client, url)
				wait.For(ctx, probePause)
			}
		})
	}
}

func (p *Probe) ask(ctx context.Context, client *http.Client, url string) {
	begin := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err == nil {
		var response *http.Response
		if response, err = client.Do(request); err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if err == nil && !answered(request.URL.Path, response.StatusCode) {
				err = fmt.Errorf("GET %s: status %d", url, response.StatusCode)
			}
		}
	}
	if ctx.Err() != nil {
		return // the end of the measurement, not of the server
	}
	p.record(time.Since(begin), err)
}

// answered reports whether a status is an answer. A server that says that it is not ready has
// answered: members may be missing.
func answered(path string, status int) bool {
	return status == http.StatusOK || path == "/readyz" && status == http.StatusServiceUnavailable
}

func (p *Probe) record(took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, took)
	if err != nil {
		p.failed++
		p.why = err
	}
}

// Answers are what honest requests got.
type Answers struct {
	Asked, Failed   int
	P50, P99, Worst time.Duration // failed requests included
	Why             error         // of a request that failed
}

// Answers returns what the requests got so far.
func (p *Probe) Answers() Answers {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, took := Answers{Asked: len(p.took), Failed: p.failed, Why: p.why}, slices.Sorted(slices.Values(p.took))
	if n := len(took); n > 0 {
		a.P50, a.P99, a.Worst = took[n/2], took[n*99/100], took[n-1]
	}
	return a
}

// String returns the answers as a note of a table.
func (a Answers) String() string {
	return fmt.Sprintf("%d honest requests: p50 %d, p99 %d, worst %d ms; %d failed",
		a.Asked, a.P50.Milliseconds(), a.P99.Milliseconds(), a.Worst.Milliseconds(), a.Failed)
}

// Unanswered says if honest requests got no answer.
func (a Answers) Unanswered() []string {
	var found []string
	if a.Asked == 0 {
		found = append(found, "no honest request was answered")
	}
	if a.Failed > 0 {
		found = append(found, fmt.Sprintf("%d of %d honest requests failed, such as", a.Failed, a.Asked), a.Why.Error())
	}
	return found
}

// Excesses says which bounds on honest requests were exceeded.
func (a Answers) Excesses() []string {
	found := a.Unanswered()
	if a.Worst > maxAnswer {
		found = append(found, fmt.Sprintf("an honest request took %d ms, at most %d", a.Worst.Milliseconds(), maxAnswer.Milliseconds()))
	}
	return found
}
