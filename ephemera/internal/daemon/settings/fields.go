package settings

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Field is one setting.
type Field struct {
	Key     string // such as "http.listen"
	Comment string
	Value   string // as in a flag or environment variable
}

// Fields lists all settings with their values, in the order of the configuration file.
func (s Settings) Fields() []Field {
	var fields []Field
	each(&s, func(key, comment string, value reflect.Value) {
		fields = append(fields, Field{Key: key, Comment: comment, Value: text(value)})
	})
	return fields
}

// each calls visit for every setting.
func each(s *Settings, visit func(key, comment string, value reflect.Value)) {
	sections := reflect.ValueOf(s).Elem()
	for i := range sections.NumField() {
		section, name := sections.Field(i), sections.Type().Field(i).Tag.Get("toml")
		for j := range section.NumField() {
			tag := section.Type().Field(j).Tag
			visit(name+"."+tag.Get("toml"), tag.Get("comment"), section.Field(j))
		}
	}
}

// text formats a value as set parses it. The items of a list are separated by commas.
func text(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// set parses text into a field.
func set(value reflect.Value, text string) error {
	if u, ok := value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch value.Kind() {
	case reflect.String:
		value.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("expected true or false")
		}
		value.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("expected a whole number")
		}
		value.SetInt(int64(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("expected a whole number from 0")
		}
		value.SetUint(n)
	case reflect.Slice: // of strings
		list := []string{}
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		value.Set(reflect.ValueOf(list))
	default:
		panic(fmt.Sprintf("settings: field of kind %s", value.Kind()))
	}
	return nil
}
