package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Sources are where settings come from, the weakest first.
type Sources struct {
	// File is the path of the configuration file. A file that does not exist sets nothing.
	File string
	// Environ holds NAME=value as os.Environ has it; other programs' variables are left alone.
	Environ []string
	// Flags holds values by key, as given on the command line.
	Flags map[string]string
}

// Origins tells by key where a value comes from: "default", the file with its line, a variable or a
// flag.
type Origins map[string]string

const fromDefault = "default"

// maxFileBytes bounds a configuration file: several times the written one. Reporting unknown keys
// takes time that grows with the square.
const maxFileBytes = 64 << 10

// Load reads all sources and checks the result. Everything that is wrong is reported at once, as
// ErrConfig.
func Load(from Sources) (Settings, Origins, error) {
	s, origins := Default(), Origins{}
	for _, f := range s.Fields() {
		origins[f.Key] = fromDefault
	}
	err := errors.Join(s.readFile(from.File, origins), s.readEnvironment(from.Environ, origins), s.readFlags(from.Flags, origins))
	if err == nil {
		err = s.Validate()
	}
	if err != nil {
		return Settings{}, nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return s, origins, nil
}

func (s *Settings) readFile(path string, origins Origins) error {
	data, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.parse(data, path, origins)
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s has %d bytes, expected a configuration of at most %d", path, info.Size(), maxFileBytes)
	}
	return os.ReadFile(path)
}

// parse reads the text of a file. Name is what errors call it.
func (s *Settings) parse(data []byte, name string, origins Origins) error {
	decoder := toml.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return s.explain(err, name)
	}
	var sections map[string]map[string]any
	if err := toml.Unmarshal(data, &sections); err != nil {
		return s.explain(err, name)
	}
	known, errs := names(), []error(nil)
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		for _, key := range slices.Sorted(maps.Keys(sections[section])) {
			key = section + "." + key
			if !slices.Contains(known, key) { // go-toml does not tell small letters from capitals
				errs = append(errs, fmt.Errorf("%s: %w", name, unknownKey(key)))
			}
			origins[key] = "file " + name
		}
	}
	return errors.Join(errs...)
}

// explain turns go-toml's errors into lines of the form file:line:column: what is wrong and what to
// do.
func (s *Settings) explain(err error, name string) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var all []error
		for _, e := range strict.Errors {
			all = append(all, s.unknown(e, name))
		}
		return errors.Join(all...)
	}
	var decode *toml.DecodeError
	if !errors.As(err, &decode) {
		return fmt.Errorf("%s: %w", name, err)
	}
	line, column := decode.Position()
	key, what := strings.Join(decode.Key(), "."), strings.TrimPrefix(decode.Error(), "toml: ")
	switch {
	case strings.Contains(what, "cannot decode") && !strings.Contains(key, "."):
		what = fmt.Sprintf("expected a section [%s]", key)
	case strings.Contains(what, "cannot decode"):
		what = key + ": expected " + expected(key)
	case key != "":
		what = key + ": " + what
	}
	return fmt.Errorf("%s:%d:%d: %s", name, line, column, what)
}

// expected says what kind of value a key takes.
func expected(key string) string {
	kind := "another kind of value"
	defaults := Default()
	each(&defaults, func(k, _ string, value reflect.Value) {
		if k != key {
			return
		}
		kind = map[reflect.Kind]string{
			reflect.String: "text in quotes", reflect.Bool: "true or false", reflect.Slice: `a list of texts, such as ["a", "b"]`,
		}[value.Kind()]
		switch _, duration := value.Interface().(Duration); {
		case duration:
			kind = `a duration in quotes, such as "10s"`
		case kind == "":
			kind = "a whole number"
		}
	})
	return kind
}

func (s *Settings) unknown(e toml.DecodeError, name string) error {
	line, column := e.Position()
	return fmt.Errorf("%s:%d:%d: %w", name, line, column, unknownKey(strings.Join(e.Key(), ".")))
}

// unknownKey says that nothing is called so, and what was probably meant.
func unknownKey(key string) error {
	known := names()
	if !strings.Contains(key, ".") {
		for i, k := range known {
			known[i], _, _ = strings.Cut(k, ".")
		}
	}
	if meant := suggest(key, known); meant != "" {
		return fmt.Errorf("unknown key %q, did you mean %q?", key, meant)
	}
	return fmt.Errorf("unknown key %q; `ephemera config show` lists all", key)
}

func names() []string {
	var known []string
	for _, f := range Default().Fields() {
		known = append(known, f.Key)
	}
	return known
}

// Variable returns the name of the environment variable of a key.
func Variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "__"))
}

const variablePrefix = "EPHEMERA_"

// readEnvironment takes variables with a double underscore; EPHEMERA_HOME and its like are the
// command's.
func (s *Settings) readEnvironment(environ []string, origins Origins) error {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, variablePrefix)
		if ours && strings.Contains(rest, "__") {
			values[strings.ToLower(strings.ReplaceAll(rest, "__", "."))] = value
		}
	}
	return errors.Join(s.misnamed(environ), s.assign(values, origins, Variable))
}

// misnamed reports variables that name a setting with one underscore. Other names are left alone:
// schedulers of containers set some that begin like ours.
func (s *Settings) misnamed(environ []string) error {
	given := map[string]bool{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		given[name] = value != ""
	}
	var errs []error
	each(s, func(key, _ string, _ reflect.Value) {
		right := Variable(key)
		if name := strings.ReplaceAll(right, "__", "_"); name != right && given[name] {
			errs = append(errs, fmt.Errorf("%s: unknown variable, did you mean %s?", name, right))
		}
	})
	return errors.Join(errs...)
}

func (s *Settings) readFlags(values map[string]string, origins Origins) error {
	return s.assign(values, origins, func(key string) string { return "--" + key })
}

// assign sets fields by key. Called names a key for people.
func (s *Settings) assign(values map[string]string, origins Origins, called func(key string) string) error {
	var errs []error
	each(s, func(key, _ string, field reflect.Value) {
		value, given := values[key]
		if !given {
			return
		}
		if err := set(field, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", called(key), value, err))
		}
		origins[key] = called(key)
	})
	var unknown []string
	for key := range values {
		if _, known := origins[key]; !known {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		errs = append(errs, fmt.Errorf("%s: %w", called(key), unknownKey(key)))
	}
	return errors.Join(errs...)
}

// Encode writes the settings as a file with a comment at each of them.
func (s Settings) Encode() ([]byte, error) {
	text, err := toml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return append([]byte(heading), text...), nil
}

const heading = `# Configuration of an Ephemera node. Each value can also be set by an environment variable and by a flag, which win over this file:
# [http] listen is EPHEMERA_HTTP__LISTEN and --http.listen. "ephemera config show --origin" tells what holds and why.

`
