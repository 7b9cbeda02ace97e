package scenes

import (
	"fmt"
	"strings"
)

// Scene is one report, replayed.
type Scene struct {
	Name     string   `json:"name"`     // in commands
	Title    string   `json:"title"`    // what happens, in a line
	Reports  []string `json:"reports"`  // where it was reported, such as "nym #6714"
	Happened string   `json:"happened"` // what happened there, a paragraph
	Teaches  string   `json:"teaches"`  // a paragraph
	Median   Help     `json:"median"`
	// Play plays the scene in the world of a seed.
	Play func(seed uint64) ([]Act, error) `json:"-"`
}

// Help says whether the median of several Nym-APIs helps.
type Help string

// The kinds of help.
const (
	helps   Help = "helps"
	upToF   Help = "helps up to f" // and not if more Nym-APIs are affected
	noHelp  Help = "does not help"
	another Help = "is not the point" // another rule helps
)

// Act is one thing that happens in a scene.
type Act struct {
	Title string `json:"title"` // what happens, a sentence without its end
	// Over says which mixnodes the lines are about, empty for all.
	Over string `json:"over,omitempty"`
	// First and Last are the epochs that the lines are about.
	First int      `json:"first_epoch,omitempty"`
	Last  int      `json:"last_epoch,omitempty"`
	Lines []Line   `json:"lines,omitempty"` // what each way pays
	Table *Table   `json:"table,omitempty"` // what else was computed
	Says  []string `json:"says,omitempty"`  // sentences with what was computed
}

// Line returns the line of a way, and false if it is not in the act.
func (a Act) Line(way string) (Line, bool) {
	for _, line := range a.Lines {
		if line.Way == way {
			return line, true
		}
	}
	return Line{}, false
}

// Table is what was computed other than payments. Each row has as many fields as the head.
type Table struct {
	Head []string   `json:"head"`
	Rows [][]string `json:"rows"`
}

// All returns all scenes: those of Nym first, then those in which some observers are wrong, then
// those about the rules.
func All() []Scene {
	return []Scene{
		zeros(), outage(), reset(), staleList(), sameBug(), selfDoubt(), recognised(), region(), few(), lastReporter(), copied(),
		columns(), verifier(),
	}
}

// Find returns the scene of that name, and false if it does not exist.
func Find(name string) (Scene, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Scene{}, false
}

// Names returns the names of all scenes.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// text joins the lines of a paragraph.
func text(lines ...string) string { return strings.Join(lines, " ") }

// say returns a sentence with numbers.
func say(format string, args ...any) string { return fmt.Sprintf(format, args...) }
