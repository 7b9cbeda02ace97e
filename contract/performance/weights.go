package performance

import "math/bits"

// A Weight is a share of 1, in multiples of 10^-18.
type Weight uint64

// ParseWeight reads a decimal number from 0 to 1 with at most 18 decimals. The error wraps
// [ErrDecimal].
func ParseWeight(text string) (Weight, error) {
	atoms, err := parseDecimal(text)
	return Weight(atoms), err
}

// String returns the decimal number, without trailing zeros.
func (w Weight) String() string { return formatDecimal(uint64(w)) }

// Weights are what liveness and stress weigh in the score. Their sum is 1.
type Weights struct {
	Liveness, Stress Weight
}

// LivenessOnly returns the weights with which liveness alone counts.
func LivenessOnly() Weights { return Weights{Liveness: Weight(one)} }

// EpochWeights are weights with the epoch since which they are in force.
type EpochWeights struct {
	EffectiveFrom EpochID
	Weights       Weights
}

// check refuses weights that do not sum to exactly 1.
func (w Weights) check() error {
	if w.Liveness > Weight(one) || w.Stress > Weight(one) || w.Liveness+w.Stress != Weight(one) {
		return &Refusal{Reason: WeightsDoNotSumToOne, Total: w.Liveness + w.Stress}
	}
	return nil
}

// Score returns what a node with these medians is paid of its full reward: the mean of liveness and
// stress by their weights, times config, rounded half up to a percent. A kind that is absent or has
// no weight does not count. The score is [Absent] if none counts, or without config. The numbers
// between are cut after 18 decimals, as those of the contract are. Requirement "The score is the
// renormalised weighted mean of the applied routing kinds times the config median".
func (w Weights) Score(medians Values) Percent {
	var sum, total uint64
	for kind, weight := range [...]Weight{Liveness: w.Liveness, Stress: w.Stress} {
		if weight > 0 && medians[kind] != Absent {
			sum += mulDiv(uint64(weight), uint64(medians[kind]), uint64(Full))
			total += uint64(weight)
		}
	}
	if total == 0 || medians[Config] == Absent {
		return Absent
	}
	mean := mulDiv(sum, one, total)
	return roundAtoms(mulDiv(mean, uint64(medians[Config]), uint64(Full)))
}

// mulDiv returns a*b/c, rounded down. The quotient must fit into 64 bits.
func mulDiv(a, b, c uint64) uint64 {
	high, low := bits.Mul64(a, b)
	quotient, _ := bits.Div64(high, low, c)
	return quotient
}
