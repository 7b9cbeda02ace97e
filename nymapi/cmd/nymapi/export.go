package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract/performance"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/metrics"
	"github.com/ephemera-go/nym-rewarding/metrics/trace"
	"github.com/ephemera-go/nym-rewarding/metrics/world"
	"github.com/ephemera-go/nym-rewarding/nymapi/collector"
)

// exportFlags are the flags of `nymapi performance export`.
type exportFlags struct {
	epoch                   uint32
	number, mixnodes, ticks int
	perMessage              int
	values                  string
	source                  sourceFlags
}

func newPerformance() *cobra.Command {
	cmd := &cobra.Command{Use: "performance", Short: "What Nym's performance contract would get"}
	cmd.AddCommand(newExport())
	return cmd
}

func newExport() *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the messages with which a monitor submits an epoch to Nym's performance contract",
		Long: `Write the messages with which a monitor submits an epoch to Nym's performance
contract: the JSON of ExecuteMsg::BatchSubmit, one message a line, in the order in
which they must be sent while the epoch is in progress.

The values are what the Nym-API with this number would measure in the epoch, with
the flags of "nymapi run". Mixnodes are the nodes 1, 2 and so on, their uptime is
liveness, and config is 1. With --values they come from a CSV file with the header
node,liveness,stress,config and decimal numbers from 0 to 1; a field may be empty.`,
		Example: `  nymapi performance export --epoch 7 --number 1 --mixnodes 240
  nymapi performance export --epoch 4711 --values measured.csv --per-message 100`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.Flags().Changed, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Uint32Var(&f.epoch, "epoch", 1, "number of the epoch")
	flags.IntVar(&f.perMessage, "per-message", 250, "largest number of nodes in a message")
	flags.StringVar(&f.values, "values", "", "CSV file with the values, instead of a source")
	flags.IntVar(&f.number, "number", 1, "number of the Nym-API, from 1")
	flags.IntVar(&f.mixnodes, "mixnodes", 240, "number of mixnodes (with a trace: those of the file)")
	flags.IntVar(&f.ticks, "ticks", 4, "measurements of each mixnode per epoch (with a trace: 1)")
	f.source.add(flags)
	return cmd
}

func (f *exportFlags) run(ctx context.Context, given func(string) bool, out io.Writer) error {
	measured, err := f.measured(ctx, given)
	if err != nil {
		return err
	}
	messages, err := performance.BatchMessages(performance.EpochID(f.epoch), measured, f.perMessage)
	if err != nil {
		return command.Usage("%v", err)
	}
	for _, message := range messages {
		if _, err := fmt.Fprintf(out, "%s\n", message); err != nil {
			return err
		}
	}
	return nil
}

func (f *exportFlags) measured(ctx context.Context, given func(string) bool) ([]performance.Measured, error) {
	if f.values == "" {
		return f.sampled(ctx, given)
	}
	for _, name := range []string{"number", "mixnodes", "ticks", "source", "seed", "missing", "trace", "observer"} {
		if given(name) {
			return nil, command.Usage("--%s and --values both given: the file has the values, leave --%s out", name, name)
		}
	}
	file, err := os.Open(f.values)
	if err != nil {
		return nil, command.Usage("--values: %w", err)
	}
	defer file.Close()
	measured, err := readMeasured(file)
	if err != nil {
		return nil, command.Usage("--values: %s: %w", f.values, err)
	}
	return measured, nil
}

// sampled measures all ticks of the epoch at once: the sources can look back.
func (f *exportFlags) sampled(ctx context.Context, given func(string) bool) ([]performance.Measured, error) {
	if f.source.source == "trace" && !given("ticks") {
		f.ticks = 1
	}
	if f.ticks < 1 || f.ticks > collector.MaxTicks {
		return nil, command.Usage("--ticks %d, expected 1..%d measurements per epoch", f.ticks, collector.MaxTicks)
	}
	if f.epoch < 1 {
		return nil, command.Usage("--epoch 0, expected a number from 1, except with --values")
	}
	source, err := f.source.open(f.number)
	if err != nil {
		return nil, err
	}
	mixnodes, err := f.names()
	if err != nil {
		return nil, err
	}
	return sample(ctx, source, mixnodes, int64(f.epoch-1)*int64(f.ticks), f.ticks)
}

// names returns the mixnodes that the source measures.
func (f *exportFlags) names() ([]metrics.MixID, error) {
	if f.source.source == "trace" {
		t, err := trace.Open(f.source.trace)
		if err != nil {
			return nil, command.Usage("--trace: %w", err)
		}
		return t.Mixnodes, nil
	}
	w, err := world.New(world.Config{Mixnodes: f.mixnodes})
	if err != nil {
		return nil, command.Usage("--mixnodes: %w", err)
	}
	return w.Mixnodes(), nil
}

// sample averages ticks from the first one on. Mixnodes without a sample are left out.
func sample(ctx context.Context, source collector.Source, mixnodes []metrics.MixID, first int64, ticks int) ([]performance.Measured, error) {
	sums, counts := make([]int64, len(mixnodes)), make([]int64, len(mixnodes))
	for tick := first; tick < first+int64(ticks); tick++ {
		all, err := source.Measure(ctx, mixnodes, tick)
		if err != nil {
			return nil, fmt.Errorf("measure tick %d: %w", tick, err)
		}
		for _, m := range all {
			if at, known := slices.BinarySearch(mixnodes, m.Mixnode); known {
				sums[at], counts[at] = sums[at]+int64(m.Percent), counts[at]+1
			}
		}
	}
	var measured []performance.Measured
	for i := range mixnodes {
		uptime := metrics.AverageOfSum(sums[i], counts[i])
		if uptime == metrics.Missing {
			continue
		}
		m := performance.Measured{Node: performance.NodeID(i + 1)}
		m.Values[performance.Liveness], m.Values[performance.Config] = performance.DecimalOf(uptime), "1"
		measured = append(measured, m)
	}
	return measured, nil
}

// valuesHeader is the first line of a file of values.
const valuesHeader = "node,liveness,stress,config"

// readMeasured reads a file of values, and returns them by the numbers of their nodes.
func readMeasured(r io.Reader) ([]performance.Measured, error) {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord = 1 + performance.Kinds
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || strings.Join(lines[0], ",") != valuesHeader {
		return nil, errors.New("the first line is not " + valuesHeader)
	}
	measured := make([]performance.Measured, 0, len(lines))
	for i, fields := range lines[1:] {
		node, err := strconv.ParseUint(fields[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("line %d: node %q, expected a whole number", i+2, fields[0])
		}
		m := performance.Measured{Node: performance.NodeID(node)}
		copy(m.Values[:], fields[1:])
		measured = append(measured, m)
	}
	slices.SortStableFunc(measured, func(a, b performance.Measured) int { return int(int64(a.Node) - int64(b.Node)) })
	return measured, nil
}
