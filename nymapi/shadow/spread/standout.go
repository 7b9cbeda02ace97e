package spread

import "math"

const (
	// LeastExcess is the excess in points that matters: a point is 1 % of a node's reward.
	LeastExcess = 1.0
	// LeastJudged is the smallest number of epochs in which one must be compared to stand out.
	LeastJudged = 8
	// FalseAlarms is the chance that any of all that are judged stands out without reason.
	FalseAlarms = 0.05
)

// Criterion says in words who stands out.
const Criterion = "Who stands out: a submitter stands out if its distance to the others is certainly more than 1 point " +
	"above that of the median other submitter in the same epochs; a node, if the reports of one submitter about it are " +
	"certainly more than 1 point above or below the mean of the others'. Certainly means: also after t standard " +
	"errors of a block bootstrap over the epochs are taken off, where t is the quantile of Student's distribution " +
	"for a chance of 5 %, divided by the number of submitters, or by twice that of pairs of node and submitter (Bonferroni). " +
	"So the chance that any at all stands out without reason is about 5 % each. Nobody stands out after fewer than 8 epochs."

// judge decides who stands out.
type judge struct {
	count     int             // of comparisons
	quantiles map[int]float64 // of Student's distribution, by number of epochs
}

// newJudge returns the judge of that many comparisons.
func newJudge(count int) judge { return judge{count, map[int]float64{}} }

// standsOut applies [Criterion] to an excess.
func (j judge) standsOut(excess *Estimate) bool {
	if excess == nil || excess.Epochs < LeastJudged {
		return false
	}
	blocks := float64(excess.Epochs) / float64(BlockLength(excess.Epochs))
	quantile, known := j.quantiles[excess.Epochs]
	if !known {
		quantile = student(FalseAlarms/float64(j.count), blocks-1)
		j.quantiles[excess.Epochs] = quantile
	}
	widened := excess.deviation * math.Sqrt(blocks/(blocks-1)) // there are few blocks
	return excess.Value-quantile*widened > LeastExcess
}

// absolute returns the estimate of the absolute value of something that is not 0, for a judge.
func (e *Estimate) absolute() *Estimate {
	a := *e
	a.Value = max(e.Value, -e.Value)
	return &a
}

// student returns the value that Student's distribution exceeds with the probability tail, below
// 1/2. With t = sqrt(degrees) tan(angle), its density is proportional to cos(angle)^(degrees-1).
func student(tail, degrees float64) float64 {
	above, _ := math.Lgamma((degrees + 1) / 2)
	below, _ := math.Lgamma(degrees / 2)
	scale := math.Exp(above-below) / math.Sqrt(math.Pi)
	low, high := 0.0, math.Pi/2
	for range 60 {
		angle := (low + high) / 2
		if scale*cosineIntegral(angle, degrees-1) > tail {
			low = angle
		} else {
			high = angle
		}
	}
	return math.Sqrt(degrees) * math.Tan(low)
}

// cosineIntegral returns the integral of cos^power from an angle to pi/2, by Simpson's rule.
func cosineIntegral(from, power float64) float64 {
	const steps = 400
	width := (math.Pi/2 - from) / steps
	sum := 0.0
	for i := range steps + 1 {
		factor := 4.0
		switch {
		case i == 0 || i == steps:
			factor = 1
		case i%2 == 0:
			factor = 2
		}
		sum += factor * math.Pow(math.Cos(from+float64(i)*width), power)
	}
	return sum * width / 3
}
