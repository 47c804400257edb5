package expand

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxWork is how many bytes all functions of a template may make together. Without
// loops that bounds the time, too.
const maxWork = 16 * MaxSize

// state is one execution.
type state struct {
	text   string
	values *Values
	dot    any   // inside of {{with}}
	slots  []any // variables
	out    strings.Builder
	work   int
}

func (s *state) errorf(at int, format string, args ...any) error {
	return errorAt(s.text, at, format, args...)
}

func (s *state) run(steps []step) error {
	for _, step := range steps {
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) print(at int, v any) error {
	if missing, ok := v.(*MissingError); ok {
		return missing
	}
	text := show(v)
	if s.out.Len()+len(text) > MaxSize {
		return s.errorf(at, "the template comes to more than %d KiB", MaxSize>>10)
	}
	s.out.WriteString(text)
	return nil
}

// spend accounts for bytes before or after they are made.
func (s *state) spend(at, n int) error {
	if n > MaxSize {
		return s.errorf(at, "the template makes a text of more than %d KiB", MaxSize>>10)
	}
	if s.work += n; s.work > maxWork {
		return s.errorf(at, "the template makes more than %d KiB of texts on the way", maxWork>>10)
	}
	return nil
}

// show is a value as it is printed.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return ""
}

// truth is text/template's: what is empty is false, and a moment always true. A fact
// that is not there is false.
func truth(v any) bool {
	switch v := v.(type) {
	case string:
		return v != ""
	case bool:
		return v
	case int:
		return v != 0
	case time.Time:
		return true
	}
	return false
}

// on calls the method on a value.
func (m method) on(wrong *Error, value expr, args []expr) expr {
	return func(s *state) (any, error) {
		v, err := present(s, value)
		if err != nil {
			return nil, err
		}
		t, ok := v.(time.Time)
		arg := ""
		if ok && len(args) > 0 {
			v, err := present(s, args[0])
			if err != nil {
				return nil, err
			}
			arg, ok = v.(string)
		}
		if !ok {
			return nil, wrong
		}
		result := m.call(t, arg)
		return result, s.spend(wrong.Offset, len(show(result)))
	}
}

// present evaluates what must be there.
func present(s *state, e expr) (any, error) {
	v, err := e(s)
	if err != nil {
		return nil, err
	}
	if missing, ok := v.(*MissingError); ok {
		return nil, missing
	}
	return v, nil
}

// until is and, which ends with the first false value, or or, with the first true one.
func until(end bool) func(*state, int, []expr) (any, error) {
	return func(s *state, _ int, args []expr) (v any, err error) {
		for _, arg := range args {
			if v, err = arg(s); err != nil || truth(v) == end {
				break
			}
		}
		return v, err
	}
}

// loose is a function that takes facts that are not there.
func loose(f func(*state, int, []any) (any, error)) func(*state, int, []expr) (any, error) {
	return func(s *state, at int, args []expr) (any, error) {
		values := make([]any, len(args))
		for i, arg := range args {
			v, err := arg(s)
			if err != nil {
				return nil, err
			}
			values[i] = v
		}
		return f(s, at, values)
	}
}

// strict is a function all of whose arguments must be there.
func strict(f func(*state, int, []any) (any, error)) func(*state, int, []expr) (any, error) {
	return loose(func(s *state, at int, values []any) (any, error) {
		for _, v := range values {
			if missing, ok := v.(*MissingError); ok {
				return nil, missing
			}
		}
		return f(s, at, values)
	})
}

// textual is a function of texts that makes no more than it gets.
func textual(f func([]string) any) func(*state, int, []expr) (any, error) {
	return strict(func(s *state, at int, values []any) (any, error) {
		texts, err := s.texts(at, values)
		if err != nil {
			return nil, err
		}
		result := f(texts)
		return result, s.spend(at, len(show(result)))
	})
}

func (s *state) texts(at int, values []any) ([]string, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, s.errorf(at, "argument %d is %s, not a text", i+1, kind(v))
		}
		texts[i] = text
	}
	return texts, nil
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case bool:
		return "true or false"
	case int:
		return "a number"
	}
	return "a moment"
}

// equal reports whether the first value equals any of the others. What is not there
// equals nothing.
func equal(s *state, at int, values []any) (any, error) {
	same := false
	for _, v := range values[1:] {
		_, first := values[0].(*MissingError)
		_, other := v.(*MissingError)
		if first || other {
			continue
		}
		if a, b := kind(values[0]), kind(v); a != b {
			return nil, s.errorf(at, "%s can't be compared with %s", a, b)
		}
		a, isTime := values[0].(time.Time)
		if isTime && a.Equal(v.(time.Time)) || !isTime && values[0] == v {
			same = true
		}
	}
	return same, nil
}

// ordered compares two texts, numbers or moments.
func ordered(want func(sign int) bool) func(*state, int, []expr) (any, error) {
	return strict(func(s *state, at int, v []any) (any, error) {
		switch a := v[0].(type) {
		case string:
			if b, ok := v[1].(string); ok {
				return want(strings.Compare(a, b)), nil
			}
		case int:
			if b, ok := v[1].(int); ok {
				return want(cmp.Compare(a, b)), nil
			}
		case time.Time:
			if b, ok := v[1].(time.Time); ok {
				return want(a.Compare(b)), nil
			}
		}
		return nil, s.errorf(at, "%s has no order with %s", kind(v[0]), kind(v[1]))
	})
}

func slice(s *state, at int, values []any) (any, error) {
	texts, err := s.texts(at, values[:1])
	if err != nil {
		return nil, err
	}
	text := texts[0]
	bounds := []int{0, len(text)}
	for i, v := range values[1:] {
		n, ok := v.(int)
		if !ok {
			return nil, s.errorf(at, "argument %d is %s, not a number", i+2, kind(v))
		}
		bounds[i] = n
	}
	if bounds[0] < 0 || bounds[0] > bounds[1] || bounds[1] > len(text) {
		return nil, s.errorf(at, "a text of %d bytes has no part from %d to %d", len(text), bounds[0], bounds[1])
	}
	return text[bounds[0]:bounds[1]], nil
}

func replace(s *state, at int, values []any) (any, error) {
	t, err := s.texts(at, values)
	if err != nil {
		return nil, err
	}
	old, with, text := t[0], t[1], t[2]
	more := strings.Count(text, old) * max(len(with)-len(old), 0)
	if err := s.spend(at, len(text)+more); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(text, old, with), nil
}

// printed is print or println.
func printed(format func(...any) string) func(*state, int, []any) (any, error) {
	return func(s *state, at int, values []any) (any, error) {
		size := 0
		for i, v := range values {
			if _, ok := v.(time.Time); ok {
				values[i] = show(v)
			}
			size += len(show(v)) + 1
		}
		if err := s.spend(at, size); err != nil {
			return nil, err
		}
		return format(values...), nil
	}
}

// verbs are what printf can do with each kind of value.
func verbs() map[string]string {
	return map[string]string{
		"a text":        "sqvxX",
		"a moment":      "sqv",
		"a number":      "dvxXobc",
		"true or false": "tv",
	}
}

// printf is fmt's, with the mistakes made errors that fmt would print, and without
// what could make it large.
func printf(s *state, at int, values []any) (any, error) {
	texts, err := s.texts(at, values[:1])
	if err != nil {
		return nil, err
	}
	args := values[1:]
	size, used := len(texts[0]), 0
	for rest := texts[0]; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			break
		}
		verb, ok := afterFlags(after)
		if !ok {
			return nil, s.errorf(at, "printf can't do %%%.8s", after)
		}
		rest = verb[1:]
		if verb[0] == '%' {
			continue
		}
		if used == len(args) {
			return nil, s.errorf(at, "printf has more verbs than values")
		}
		if !strings.Contains(verbs()[kind(args[used])], verb[:1]) {
			return nil, s.errorf(at, "printf can't do %%%.1s with %s", verb, kind(args[used]))
		}
		size += 999 + 4*len(show(args[used]))
		used++
	}
	if used < len(args) {
		return nil, s.errorf(at, "printf has more values than verbs")
	}
	for i, arg := range args {
		if _, ok := arg.(time.Time); ok {
			args[i] = show(arg)
		}
	}
	if size > maxWork {
		return nil, s.spend(at, size)
	}
	result := fmt.Sprintf(texts[0], args...)
	return result, s.spend(at, len(result))
}

// afterFlags skips the flags, width and precision of a verb. It is not ok to end
// there, or to ask for more than 999 characters.
func afterFlags(s string) (verb string, ok bool) {
	const digits = "0123456789"
	flagged := strings.TrimLeft(s, "+-# 0")
	verb = strings.TrimLeft(flagged, digits)
	ok = len(s)-len(flagged) <= 5 && len(flagged)-len(verb) <= 3
	if precision, found := strings.CutPrefix(verb, "."); found {
		verb = strings.TrimLeft(precision, digits)
		ok = ok && len(precision)-len(verb) <= 3
	}
	return verb, ok && verb != ""
}
