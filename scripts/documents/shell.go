package documents

import (
	"regexp"
	"strings"
)

// commands splits shell text into simple commands, each a list of words. It supports what documents
// use: quotes, comments, continued lines, pipes, lists and a leading prompt. Redirections remain
// words.
func commands(text string) [][]string {
	var (
		all     [][]string
		words   []string
		word    strings.Builder
		quote   rune
		begun   bool // inside a word, even an empty quoted one
		comment bool
	)
	endWord := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	for _, r := range strings.ReplaceAll(text, "\\\n", " ") {
		switch {
		case r == '\n' && quote == 0:
			comment = false
			endCommand()
		case comment:
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == '#' && !begun:
			comment = true
		case r == ' ' || r == '\t':
			endWord()
		case r == '|' || r == '&' || r == ';':
			endCommand()
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	endCommand()
	return all
}

// assignment matches a word of the form NAME=value.
var assignment = regexp.MustCompile(`^([A-Z_]+)=(.*)$`)

// strip removes the prompt and the variable assignments in front of a command.
func strip(words []string) []string {
	for len(words) > 0 && (words[0] == "$" || assignment.MatchString(words[0])) {
		words = words[1:]
	}
	return words
}

// split separates the words of a command into arguments and flags. The arguments end at the first
// flag, and the flags are returned without their values.
func split(words []string) (arguments, flags []string) {
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		switch {
		case w == "--":
			return arguments, flags
		case len(w) > 1 && strings.HasPrefix(w, "-"):
			flags = append(flags, name)
		case len(flags) == 0:
			arguments = append(arguments, w)
		}
	}
	return arguments, flags
}

// inlineMake matches `make target` in running text.
var inlineMake = regexp.MustCompile("`(make [^`\n]+)`")

// makeRule matches the targets of a Makefile.
var makeRule = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)

// targets returns the targets of a Makefile.
func targets(makefile string) []string {
	var names []string
	for _, match := range makeRule.FindAllStringSubmatch(makefile, -1) {
		names = append(names, match[1])
	}
	return names
}

// flagName matches a flag in a help text.
var flagName = regexp.MustCompile(`(?m)(?:^|[\s,])(--?[A-Za-z][A-Za-z0-9-]*(?:\.[a-z_]+)?)`)

// flagsOf returns the flags listed in a help text.
func flagsOf(help string) []string {
	var names []string
	for _, match := range flagName.FindAllStringSubmatch(help, -1) {
		names = append(names, match[1])
	}
	return names
}
