package architecture

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// An idiom is a phrase that strikes a native reader as translated.
type idiom struct {
	phrase string // words in lower case; a|b is either word, * any word
	write  string // what to write instead
	unless string // words of which one, right before the phrase or in it, makes it good English
}

// idioms are the phrases that must not come back. A phrase is listed if it recurred in this
// repository and a plain one says the same.
var idioms = []idiom{
	{phrase: "tell|tells whether", write: "reports whether"},
	{phrase: "tells what|why|how|where|who|which|that", write: "returns, reports or describes what"},
	{phrase: "is|are|was|were no *", write: "is not a …, are not …", unless: "there longer more less greater larger smaller better worse one news"},
	{phrase: "no such thing", write: "not found, or name the thing"},
	{phrase: "whoever", write: "anyone who, any caller, the member that"},
	{phrase: "lately", write: "recently"},
	{phrase: "go|goes|going|went|gone on", write: "continue"},
	{phrase: "believe|believes nobody|anybody|everybody|none", write: "trusts nobody"},
	{phrase: "stand|stands for itself", write: "is standalone"},
	{phrase: "had it|this|that|they|he|another been", write: "if it had been"},
	{phrase: "had another of * * been", write: "if another of them were"},
	{phrase: "for ever", write: "forever"},
	{phrase: "beside", write: "next to, alongside, in addition to"},
	{phrase: "who asks", write: "any caller, the caller"},
	{phrase: "house on one page", write: "architecture on one page"},
	{phrase: "there is|are|was|were none", write: "… does not exist, if not found, or returns nil if …"},
	{phrase: "heed|heeds|heeded|hearken|hearkens", write: "respects, honours, reads"},
	{phrase: "is|are|no news", write: "is new, is not new"},
	{phrase: "come|comes along", write: "is included"},
	{phrase: "go|goes away", write: "leaves, disconnects, is unreachable"},
	{phrase: "in the place of", write: "instead of"},
	{phrase: "seldom", write: "rarely"},
	{phrase: "anew", write: "again, from scratch"},
	{phrase: "in vain", write: "without success"},
	{phrase: "the|an own", write: "its own, one of its own, this member's"},
	{phrase: "else|others than", write: "other than"},
	{phrase: "come|comes|came about", write: "is produced, happens"},
	{phrase: "come|comes|came again", write: "arrives, is sent or is delivered again"},
	{phrase: "now and then", write: "from time to time, occasionally"},
	{phrase: "its|nobody's|machine's business", write: "its responsibility, up to …"},
	{phrase: "as a rule", write: "usually"},
	{phrase: "nothing but", write: "only"},
	{phrase: "look|looks whether", write: "checks whether"},
	{phrase: "word for word", write: "verbatim"},
	{phrase: "all the same", write: "anyway, still"},
	{phrase: "keep|keeps in touch", write: "stays connected"},
	{phrase: "mend|mends|mended", write: "fix, repair"},
	{phrase: "so many", write: "that many, or name the number"},
	{phrase: "of one's own", write: "of your own"},
	{phrase: "needs no * to be *", write: "can be … without a …"},
	{phrase: "give|gives|given|gave out", write: "publish, issue"},
	{phrase: "what became|becomes of", write: "the outcome of, what happens to"},
	{phrase: "is|are meant", write: "applies, is intended"},
	{phrase: "nothing to say", write: "no problems found"},
	{phrase: "that is|are|was|were there", write: "that exists, that is present, that is online"},
}

// idiomExamples are the files that must quote idioms: this table and its tests.
var idiomExamples = []string{"scripts/architecture/idioms.go", "scripts/architecture/idioms_test.go"}

// A word is one word of a passage, in lower case and without the punctuation around it.
type word struct {
	text   string
	line   int
	closed bool // punctuation separates it from the word behind it
}

// checkIdioms reports each idiom in the passages.
func checkIdioms(passages []passage) []string {
	begins := map[string][]parsedIdiom{}
	for _, i := range idioms {
		parsed := i.parse()
		for _, first := range parsed.words[0] {
			begins[first] = append(begins[first], parsed)
		}
	}
	var found []string
	for _, p := range passages {
		if slices.Contains(idiomExamples, p.file) {
			continue
		}
		words := split(p)
		for at, w := range words {
			for _, i := range begins[w.text] {
				if phrase, ok := i.match(words, at); ok {
					found = append(found, fmt.Sprintf("%s:%d: %q: write %s", p.file, w.line, phrase, i.write))
				}
			}
		}
	}
	return found
}

// A parsedIdiom is an idiom with its phrase split into words and their alternatives.
type parsedIdiom struct {
	idiom
	words [][]string
}

func (i idiom) parse() parsedIdiom {
	parsed := parsedIdiom{idiom: i}
	for _, alternatives := range strings.Fields(i.phrase) {
		parsed.words = append(parsed.words, strings.Split(alternatives, "|"))
	}
	return parsed
}

// match reports whether the idiom begins at words[at], and returns the words it matched.
func (i parsedIdiom) match(words []word, at int) (string, bool) {
	if at+len(i.words) > len(words) {
		return "", false
	}
	unless := strings.Fields(i.unless)
	if at > 0 && !words[at-1].closed && slices.Contains(unless, words[at-1].text) {
		return "", false
	}
	var phrase []string
	for k, alternatives := range i.words {
		w := words[at+k]
		inside := k < len(i.words)-1
		if inside && w.closed || slices.Contains(unless, w.text) || alternatives[0] != "*" && !slices.Contains(alternatives, w.text) {
			return "", false
		}
		phrase = append(phrase, w.text)
	}
	return strings.Join(phrase, " "), true
}

// split returns the words of a passage.
func split(p passage) []word {
	var words []word
	line := p.line
	for text := range strings.Lines(p.text) {
		for _, field := range strings.Fields(text) {
			left := strings.TrimLeftFunc(field, isPunctuation)
			bare := strings.TrimRightFunc(left, isPunctuation)
			if len(left) < len(field) && len(words) > 0 {
				words[len(words)-1].closed = true
			}
			if bare != "" {
				words = append(words, word{text: strings.ToLower(bare), line: line, closed: len(bare) < len(left)})
			}
		}
		line++
	}
	return words
}

func isPunctuation(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
