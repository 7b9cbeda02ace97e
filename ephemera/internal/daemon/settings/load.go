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

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/spelling"
)

// Sources are where settings come from. Later fields override earlier ones.
type Sources struct {
	// File is the path of the configuration file. It need not exist.
	File string
	// Environ holds entries NAME=value, like os.Environ. Variables of other programs are ignored.
	Environ []string
	// Flags maps keys to the values given on the command line.
	Flags map[string]string
}

// Origins maps each key to where its value comes from: "default", "file PATH", the name of a
// variable or that of a flag.
type Origins map[string]string

const fromDefault = "default"

// maxFileBytes bounds the size of a configuration file. It is several times the size of a generated
// one. Reporting unknown keys takes quadratic time.
const maxFileBytes = 64 << 10

// Load reads all sources and validates the result. The error wraps ErrConfig and reports all
// mistakes at once.
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
		return nil, fmt.Errorf("%s: expected a configuration file of at most %d bytes, found %d", path, maxFileBytes, info.Size())
	}
	return os.ReadFile(path)
}

// parse reads the contents of a file. Errors call the file name.
func (s *Settings) parse(data []byte, name string, origins Origins) error {
	data, err := plaintext.Decode(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
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
			if !slices.Contains(known, key) { // go-toml ignores case
				errs = append(errs, fmt.Errorf("%s: %w", name, unknownKey(key)))
			}
			origins[key] = "file " + name
		}
	}
	return errors.Join(errs...)
}

// explain turns go-toml's errors into lines of the form file:line:column: what is wrong.
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

// expected describes the kind of value that a key takes.
func expected(key string) string {
	kind := "another kind of value"
	defaults := Default()
	each(&defaults, func(k, _ string, value reflect.Value) {
		if k != key {
			return
		}
		kind = map[reflect.Kind]string{
			reflect.String: "a string in quotes", reflect.Bool: "true or false", reflect.Slice: `a list of strings, such as ["a", "b"]`,
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

// unknownKey returns an error that says which key was probably meant.
func unknownKey(key string) error {
	known := names()
	if !strings.Contains(key, ".") {
		for i, k := range known {
			known[i], _, _ = strings.Cut(k, ".")
		}
	}
	if meant := spelling.Nearest(key, known); meant != "" {
		return fmt.Errorf("unknown key %q, did you mean %q?", key, meant)
	}
	return fmt.Errorf("unknown key %q (`ephemera config show` lists all keys)", key)
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

// Variables returns the names of the environment variables of all settings.
func Variables() []string {
	variables := names()
	for i, key := range variables {
		variables[i] = Variable(key)
	}
	return variables
}

const variablePrefix = "EPHEMERA_"

// readEnvironment reads the variables of settings. An unknown one is an error if its name has the
// form of a setting's, with a double underscore, or looks like one. Others, such as EPHEMERA_HOME,
// are not settings.
func (s *Settings) readEnvironment(environ []string, origins Origins) error {
	var errs []error
	for _, unknown := range spelling.Unknown(environ, variablePrefix, Variables()) {
		if unknown.Meant != "" || strings.Contains(unknown.Name, "__") {
			errs = append(errs, unknown)
		}
	}
	given, values := map[string]string{}, map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		given[name] = value
	}
	for _, key := range names() {
		if value, found := given[Variable(key)]; found {
			values[key] = value
		}
	}
	return errors.Join(append(errs, s.assign(values, origins, Variable))...)
}

func (s *Settings) readFlags(values map[string]string, origins Origins) error {
	return s.assign(values, origins, func(key string) string { return "--" + key })
}

// assign sets fields by key. nameOf returns the name of a key in this source.
func (s *Settings) assign(values map[string]string, origins Origins, nameOf func(key string) string) error {
	var errs []error
	each(s, func(key, _ string, field reflect.Value) {
		value, given := values[key]
		if !given {
			return
		}
		if err := set(field, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", nameOf(key), value, err))
		}
		origins[key] = nameOf(key)
	})
	var unknown []string
	for key := range values {
		if _, known := origins[key]; !known {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		errs = append(errs, fmt.Errorf("%s: %w", nameOf(key), unknownKey(key)))
	}
	return errors.Join(errs...)
}

// Encode returns the settings as a configuration file with comments.
func (s Settings) Encode() ([]byte, error) {
	text, err := toml.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return append([]byte(heading), text...), nil
}

const heading = `# Configuration of an Ephemera node. Environment variables and flags override this file: [http] listen
# is EPHEMERA_HTTP__LISTEN and --http.listen. 'ephemera config show --origin' shows the values in
# effect and where they come from.

`
