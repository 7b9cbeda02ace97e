package shadow

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/nymapi/shadow/rows"
)

// ErrConfig reports a [Config] with a wrong value. The error names the flag.
var ErrConfig = errors.New("wrong flag")

// Bounds of the time that is read.
const (
	leastEpoch = time.Minute
	mostWindow = 366 * 24 * time.Hour
	mostEpochs = 5000
)

// Config says what to read, and how to score it.
type Config struct {
	Database string        // file of SQLite
	Kind     string        // one of [rows.Kinds], or "" for the first that the file has
	Window   time.Duration // how much to read, up to Until
	Epoch    time.Duration // length; 0: 4h for stress, which is measured every 2 hours, else 1h
	Until    time.Time     // first instant that is not read; zero: right after the newest measurement
	// Estimator is the rule that is compared with the single mean for each node.
	Estimator string
	// Now is the present. Measurements that are dated later do not decide what the newest one is.
	Now     time.Time
	Version string // of the program, for the summary
}

// Default returns the configuration that the command has without flags, except for Database and
// Now.
func Default() Config { return Config{Window: 24 * time.Hour, Estimator: "median"} }

// validate returns the estimator, or an error that wraps [ErrConfig].
func (c Config) validate() (metrics.Estimator, error) {
	if c.Database == "" {
		return nil, fmt.Errorf("%w: --db: expected the database of a Nym-API; give --db db.sqlite", ErrConfig)
	}
	if err := c.validateKind(); err != nil {
		return nil, err
	}
	switch {
	case c.Window < leastEpoch || c.Window > mostWindow:
		return nil, fmt.Errorf("%w: --window %s: expected 1m to %s; give --window 24h", ErrConfig, c.Window, mostWindow)
	case c.Epoch != 0 && (c.Epoch < leastEpoch || c.Epoch > c.Window):
		return nil, fmt.Errorf("%w: --epoch %s: expected 1m up to the window of %s; give --epoch 1h", ErrConfig, c.Epoch, c.Window)
	}
	estimator, err := metrics.ParseEstimator(c.Estimator)
	if err != nil {
		return nil, fmt.Errorf("%w: --estimator: %w", ErrConfig, err)
	}
	return estimator, nil
}

func (c Config) validateKind() error {
	var names []string
	for _, kind := range rows.Kinds() {
		if c.Kind == "" || c.Kind == string(kind) {
			return nil
		}
		names = append(names, string(kind))
	}
	meant := ""
	if nearest := spelling.Nearest(c.Kind, names); nearest != "" {
		meant = ", did you mean " + nearest + "?"
	}
	return fmt.Errorf("%w: --kind %s: expected %s%s (without it, the first that the file has is read)",
		ErrConfig, c.Kind, strings.Join(names, ", "), meant)
}

// epoch returns the length of an epoch of a kind, or an error that wraps [ErrConfig].
func (c Config) epoch(kind rows.Kind) (time.Duration, error) {
	epoch := c.Epoch
	if epoch == 0 {
		if epoch = time.Hour; kind == rows.Stress {
			epoch = 4 * time.Hour
		}
		epoch = min(epoch, c.Window)
	}
	switch {
	case c.Window%epoch != 0:
		return 0, fmt.Errorf("%w: --window %s: expected a multiple of the epoch of %s; give --window %s", ErrConfig, c.Window, epoch, c.Window/epoch*epoch)
	case c.Window/epoch > mostEpochs:
		return 0, fmt.Errorf("%w: --window %s: expected at most %d epochs of %s; give longer epochs or a shorter window", ErrConfig, c.Window, mostEpochs, epoch)
	}
	return epoch, nil
}
