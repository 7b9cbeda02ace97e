package service_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// page collects a log.
type page struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *page) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(data)
}

func (p *page) contains(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.text.String(), text)
}

func TestAContractInAnotherModeIsReported(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, time.Second)
	var log page
	c.start(1, func(config *service.Config) {
		config.Mode = service.Single
		config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	c.eventually(func() bool { return log.contains("the contract verifies in mode full") }, "the reason is logged")
}
