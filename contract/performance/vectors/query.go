package vectors

import (
	"github.com/ephemera-go/nym-rewarding/contract/performance"
)

// values are those of a submission by the name of their kind.
type values struct {
	Liveness *string `json:"liveness"`
	Stress   *string `json:"stress"`
	Config   *string `json:"config"`
}

func (v values) parse() (performance.Values, error) {
	parsed := performance.NoValues()
	for kind, text := range map[performance.Kind]*string{
		performance.Liveness: v.Liveness, performance.Stress: v.Stress, performance.Config: v.Config,
	} {
		if text == nil {
			continue
		}
		percent, err := performance.ParsePercent(*text)
		if err != nil {
			return parsed, err
		}
		parsed[kind] = percent
	}
	return parsed, nil
}

// weights are decimal numbers by the name of their kind. One that is not there is 0.
type weights struct {
	Liveness string `json:"liveness"`
	Stress   string `json:"stress"`
}

func (w weights) parse() (performance.Weights, error) {
	liveness, err := parseWeight(w.Liveness)
	if err != nil {
		return performance.Weights{}, err
	}
	stress, err := parseWeight(w.Stress)
	return performance.Weights{Liveness: liveness, Stress: stress}, err
}

func parseWeight(text string) (performance.Weight, error) {
	if text == "" {
		return 0, nil
	}
	return performance.ParseWeight(text)
}

// query returns the answer to a query. Of another operation it returns nil.
func (s step) query(c *performance.Contract) answer {
	switch s.Op {
	case "inputs":
		return inputs(c.Inputs(s.Epoch, s.Node))
	case "bundle":
		bundle, found := c.Bundle(s.Epoch, s.Node)
		return answer{"bundle": orNull(found, percents(bundle))}
	case "pointer":
		epoch, found := c.Pointer(s.Node)
		return answer{"epoch": orNull(found, epoch)}
	case "cursor":
		cursor, found := c.Cursor(s.Address)
		return answer{"cursor": orNull(found, answer{"epoch": cursor.Epoch, "node": cursor.Node})}
	case "weights_at":
		w, found := c.WeightsAt(s.Epoch)
		return answer{"weights": orNull(found, inForce(w))}
	}
	return nil
}

func orNull(found bool, value any) any {
	if !found {
		return nil
	}
	return value
}

func inputs(in performance.Inputs) answer {
	medians := answer{}
	for kind, percent := range in.Medians {
		if percent != performance.Absent {
			medians[performance.Kind(kind).String()] = int(percent)
		}
	}
	return answer{
		"source": orNull(in.Found, in.Source), "medians": orNull(in.Found, medians),
		"weights": orNull(in.Weighted, inForce(in.Weights)), "score": orNull(in.Score != performance.Absent, int(in.Score)),
	}
}

func inForce(w performance.EpochWeights) answer {
	return answer{"effective_from": w.EffectiveFrom, "liveness": w.Weights.Liveness.String(), "stress": w.Weights.Stress.String()}
}

// percents returns a bundle without the kinds that nobody submitted.
func percents(bundle performance.Bundle) answer {
	a := answer{}
	for kind, sorted := range bundle {
		if len(sorted) == 0 {
			continue
		}
		numbers := make([]int, len(sorted)) // bytes would be text in JSON
		for i, p := range sorted {
			numbers[i] = int(p)
		}
		a[performance.Kind(kind).String()] = numbers
	}
	return a
}
