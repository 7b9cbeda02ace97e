package main

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
)

// sourceFlags are the flags that select what is measured.
type sourceFlags struct {
	source   string
	seed     uint64
	missing  float64
	trace    string
	observer string
}

func (f *sourceFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.source, "source", "world", "world: mixnodes with a true uptime; uniform: random numbers; trace: a recorded file")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of world and uniform, the same for all Nym-APIs")
	flags.Float64Var(&f.missing, "missing", 0.02, "share of the measurements that are lost with --source world, 0 to 1")
	flags.StringVar(&f.trace, "trace", "", "file with recorded measurements, for --source trace (use --ticks 1: each value is one tick)")
	flags.StringVar(&f.observer, "observer", "", "observer of the trace that this Nym-API plays back (default: the one with its number)")
}

// settings returns the values of the flags that decide what the source measures.
func (f *sourceFlags) settings() map[string]string {
	all := map[string]string{"source": f.source}
	switch f.source {
	case "world":
		all["seed"], all["missing"] = strconv.FormatUint(f.seed, 10), strconv.FormatFloat(f.missing, 'g', -1, 64)
	case "uniform":
		all["seed"] = strconv.FormatUint(f.seed, 10)
	case "trace":
		all["trace"], all["observer"] = f.trace, f.observer
	}
	return all
}

// open returns the source of the Nym-API with this number.
func (f *sourceFlags) open(number int) (collector.Source, error) {
	if f.source != "trace" && (f.trace != "" || f.observer != "") {
		return nil, command.Usage("--trace and --observer are for --source trace, but the source is %s", f.source)
	}
	switch f.source {
	case "world":
		return f.simulated(number, func(c world.Config) (collector.Simulation, error) { return world.New(c) })
	case "uniform":
		return f.simulated(number, func(c world.Config) (collector.Simulation, error) {
			c.Missing = 0
			return world.NewUniform(c)
		})
	case "trace":
		return f.recorded(number)
	}
	return nil, command.Usage("--source %q, expected world, uniform or trace", f.source)
}

func (f *sourceFlags) simulated(number int, open func(world.Config) (collector.Simulation, error)) (collector.Source, error) {
	config := world.Config{Seed: f.seed, Mixnodes: 1, Missing: f.missing}
	if err := config.Validate(); err != nil {
		return nil, command.Usage("--missing: %w", err)
	}
	source, err := collector.Simulated(number, func(mixnodes int) (collector.Simulation, error) {
		config := config
		config.Mixnodes = mixnodes
		return open(config)
	})
	if err != nil {
		return nil, command.Usage("--number: %w", err)
	}
	return source, nil
}

func (f *sourceFlags) recorded(number int) (collector.Source, error) {
	if f.trace == "" {
		return nil, command.Usage("--trace is missing, expected a file for --source trace")
	}
	t, err := trace.Open(f.trace)
	if err != nil {
		return nil, command.Usage("--trace: %w", err)
	}
	observer := f.observer
	if observer == "" {
		if number < 1 || number > len(t.Observers) {
			return nil, command.Usage("--number %d, the trace has the observers 1 to %d", number, len(t.Observers))
		}
		observer = t.Observers[number-1]
	}
	source, err := collector.Recorded(t, observer)
	if err != nil {
		return nil, command.Usage("--observer: %w", err)
	}
	return source, nil
}
