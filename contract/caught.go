package contract

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Offence is what a Nym-API was caught at.
type Offence string

// The offences.
const (
	TwoReports        Offence = "two_reports"        // signed, for one epoch
	TwoBlocks         Offence = "two_blocks"         // signed, for one slot
	RefusedReport     Offence = "refused_report"     // does not count for the epoch of its label
	RefusedSubmission Offence = "refused_submission" // by the contract, as invalid
)

// Caught is a Nym-API that was caught, with evidence that the contract or other Nym-APIs hold.
type Caught struct {
	Name    string  `json:"name"` // of the Nym-API
	Offence Offence `json:"offence"`
	// Epochs are those of the offence in ascending order. For TwoBlocks they are heights of the
	// Nym-API's chain instead.
	Epochs []int64 `json:"epochs"`
	// Earlier is the number of epochs before them that are left out: see MaxCaughtEpochs.
	Earlier int `json:"earlier,omitempty"`
	Count   int `json:"count"` // number of offences, at least that of the epochs
	// Text is the Sentence in answers of programs, which Told fills in.
	Text string `json:"text,omitempty"`
}

// Told returns c with its Text, and with at most MaxCaughtEpochs epochs.
func (c Caught) Told() Caught {
	if drop := len(c.Epochs) - MaxCaughtEpochs; drop > 0 {
		c.Epochs, c.Earlier = slices.Clone(c.Epochs[drop:]), c.Earlier+drop
	}
	c.Text = c.Sentence()
	return c
}

// MaxCaughtEpochs is the greatest number of epochs, the newest, that a Caught lists.
const MaxCaughtEpochs = 1000

// Sentence says who was caught at what, such as "nymapi-1 signed two reports in epochs 1 to 5".
func (c Caught) Sentence() string {
	switch c.Offence {
	case TwoReports:
		return fmt.Sprintf("%s signed two reports in %s", c.Name, c.numbers("epoch"))
	case TwoBlocks:
		return fmt.Sprintf("%s signed two blocks at %s of its chain", c.Name, c.numbers("height"))
	case RefusedReport:
		return fmt.Sprintf("%s signed a report that does not count in %s", c.Name, c.numbers("epoch"))
	default:
		times := "once"
		if c.Count > 1 {
			times = fmt.Sprintf("%d times", c.Count)
		}
		return fmt.Sprintf("%s submitted what the contract refused, %s, in %s", c.Name, times, c.numbers("epoch"))
	}
}

func (c Caught) numbers(what string) string {
	list := Ranges(what, c.Epochs)
	if c.Earlier > 0 {
		list += fmt.Sprintf(" and %d earlier", c.Earlier)
	}
	return list
}

// Ranges names things by their ascending numbers, with three or more consecutive ones as a range,
// such as "epochs 1, 3 to 5". There must be at least one.
func Ranges(what string, numbers []int64) string {
	var parts []string
	for i := 0; i < len(numbers); {
		end := i
		for end+1 < len(numbers) && numbers[end+1] == numbers[end]+1 {
			end++
		}
		if end-i >= 2 {
			parts = append(parts, fmt.Sprintf("%d to %d", numbers[i], numbers[end]))
		} else {
			end = i
			parts = append(parts, strconv.FormatInt(numbers[i], 10))
		}
		i = end + 1
	}
	if len(numbers) > 1 {
		what += "s"
	}
	return what + " " + strings.Join(parts, ", ")
}
