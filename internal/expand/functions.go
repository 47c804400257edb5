package expand

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// function is what a word stands for. Arguments are evaluated by the function, since
// and and or don't evaluate all.
type function struct {
	least, most int // arguments; a most of -1 is any number
	// textLast is whether the last argument is what the function works on, which
	// other programs put first.
	textLast bool
	call     func(s *state, at int, args []expr) (any, error)
}

// functions are all but index, which is part of the language here: it names a fact.
func functions() map[string]function {
	return map[string]function{
		"and": {least: 1, most: -1, call: until(false)},
		"or":  {least: 1, most: -1, call: until(true)},
		"not": {least: 1, most: 1, call: loose(func(_ *state, _ int, v []any) (any, error) { return !truth(v[0]), nil })},

		"eq": {least: 2, most: -1, call: loose(equal)},
		"ne": {least: 2, most: 2, call: loose(func(s *state, at int, v []any) (any, error) {
			same, err := equal(s, at, v)
			return same == false, err
		})},
		"lt": {least: 2, most: 2, call: ordered(func(sign int) bool { return sign < 0 })},
		"le": {least: 2, most: 2, call: ordered(func(sign int) bool { return sign <= 0 })},
		"gt": {least: 2, most: 2, call: ordered(func(sign int) bool { return sign > 0 })},
		"ge": {least: 2, most: 2, call: ordered(func(sign int) bool { return sign >= 0 })},

		"len":     {least: 1, most: 1, call: textual(func(t []string) any { return len(t[0]) })},
		"slice":   {least: 1, most: 3, call: strict(slice)},
		"print":   {least: 0, most: -1, call: strict(printed(fmt.Sprint))},
		"println": {least: 0, most: -1, call: strict(printed(fmt.Sprintln))},
		"printf":  {least: 1, most: -1, call: strict(printf)},

		"lower":      {least: 1, most: 1, call: textual(func(t []string) any { return strings.ToLower(t[0]) })},
		"upper":      {least: 1, most: 1, call: textual(func(t []string) any { return strings.ToUpper(t[0]) })},
		"replace":    {least: 3, most: 3, textLast: true, call: strict(replace)},
		"trimPrefix": {least: 2, most: 2, textLast: true, call: textual(func(t []string) any { return strings.TrimPrefix(t[1], t[0]) })},
		"trimSuffix": {least: 2, most: 2, textLast: true, call: textual(func(t []string) any { return strings.TrimSuffix(t[1], t[0]) })},
		"default": {least: 2, most: 2, textLast: true, call: loose(func(_ *state, _ int, v []any) (any, error) {
			if truth(v[1]) {
				return v[1], nil
			}
			return v[0], nil
		})},
	}
}

// otherFunctions are what other programs call ours, in lower case.
func otherFunctions() map[string]string {
	return map[string]string{
		"tolower": "lower", "toupper": "upper", "replaceall": "replace", "trimleft": "trimPrefix",
		"env": envPrefix + "NAME", "getenv": envPrefix + "NAME", "envordefault": "default", "substr": "slice",
		"time": ".Date.Format", "date": ".Date.Format", "now": ".Date",
	}
}

// call compiles the call of a function.
func (c *compiler) call(name *parse.IdentifierNode, nodes []parse.Node, piped expr) (expr, error) {
	if name.Ident == "index" {
		return c.index(name, nodes, piped)
	}
	f, ok := functions()[name.Ident]
	if !ok {
		e := c.errorf(name, "unknown function %.40s", name.Ident)
		if e.Similar = otherFunctions()[strings.ToLower(name.Ident)]; e.Similar == "" {
			e.Similar = nearest(name.Ident, sortedKeys(functions()))
		}
		return nil, e
	}
	args, err := c.args(nodes, piped)
	if err != nil {
		return nil, err
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		return nil, c.errorf(name, "%s takes %s, not %d", name.Ident, f.arity(), len(args))
	}
	if f.textLast && piped == nil && isConstant(nodes[len(nodes)-1]) && !isConstant(nodes[0]) {
		return nil, c.errorf(name, "%s takes the text that it works on last", name.Ident)
	}
	at := start(name)
	return func(s *state) (any, error) { return f.call(s, at, args) }, nil
}

func (f function) arity() string {
	switch {
	case f.most < 0:
		return "at least " + arguments(f.least)
	case f.least < f.most:
		return fmt.Sprintf("%d to %s", f.least, arguments(f.most))
	}
	return arguments(f.least)
}

func arguments(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func isConstant(n parse.Node) bool {
	switch n.(type) {
	case *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
		return true
	}
	return false
}

// index compiles {{index .Env "NAME"}}, for names that can't follow a dot.
func (c *compiler) index(name *parse.IdentifierNode, nodes []parse.Node, piped expr) (expr, error) {
	if len(nodes) == 2 && piped == nil {
		variable, ok := nodes[1].(*parse.StringNode)
		if group := nodes[0].String(); ok && (group == "$.Env" || group == ".Env" && !c.inWith) {
			c.uses[envPrefix+variable.Text] = true
			return fact(environment(variable.Text)), nil
		}
	}
	return nil, c.errorf(name, `index is for environment variables: index .Env "NAME"`)
}
