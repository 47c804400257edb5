package expand

import (
	"errors"
	"strings"
	"text/template/parse"
	"time"
)

// A step does something where it stands in the template; an expr yields a value.
type (
	step func(*state) error
	expr func(*state) (any, error)
)

// compiler turns the parser's tree into steps, and looks at everything on the way:
// what gets through can only fail on values.
type compiler struct {
	text  string
	uses  map[string]bool
	scope []string // the variables alive, each at its slot
	slots int      // how many were alive at most
	// inWith is whether the dot is the value of a {{with}} instead of all facts.
	inWith bool
}

func compile(text string) (*Template, error) {
	if len(text) > MaxSize {
		return nil, errorAt(text, MaxSize, "the template is longer than %d KiB", MaxSize>>10)
	}
	tree, err := read(text)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = syntaxError(text, err)
		}
		return nil, e
	}
	c := &compiler{text: text, uses: map[string]bool{}}
	steps, err := c.list(tree.Root)
	if err != nil {
		return nil, err
	}
	return &Template{text: text, steps: steps, slots: c.slots, uses: c.uses}, nil
}

func (c *compiler) errorf(at parse.Node, format string, args ...any) *Error {
	return errorAt(c.text, start(at), format, args...)
}

// start is where a node begins: of .Git.Tag the parser says where .Tag does.
func start(n parse.Node) int {
	at := int(n.Position())
	switch n := n.(type) {
	case *parse.FieldNode:
		if len(n.Ident) > 1 {
			at -= len(".") + len(n.Ident[0])
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			at -= len(n.Ident[0])
		}
	}
	return at
}

// list is never nil.
func (c *compiler) list(l *parse.ListNode) ([]step, error) {
	steps := []step{}
	if l == nil {
		return steps, nil
	}
	for _, n := range l.Nodes {
		s, err := c.node(n)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func (c *compiler) node(n parse.Node) (step, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		text, at := string(n.Text), int(n.Pos)
		return func(s *state) error { return s.print(at, text) }, nil
	case *parse.ActionNode:
		value, err := c.pipe(n.Pipe)
		if err != nil {
			return nil, err
		}
		silent, at := len(n.Pipe.Decl) > 0, int(n.Pipe.Pos)
		return func(s *state) error {
			v, err := value(s)
			if err != nil || silent {
				return err
			}
			return s.print(at, v)
		}, nil
	case *parse.IfNode:
		return c.branch(&n.BranchNode, false)
	case *parse.WithNode:
		return c.branch(&n.BranchNode, true)
	case *parse.RangeNode:
		return nil, c.unavailable(n, "{{range}}")
	}
	return nil, c.unavailable(n, "{{template}}")
}

// unavailable takes the place of the action, which the parser doesn't give.
func (c *compiler) unavailable(n parse.Node, what string) error {
	action := strings.LastIndex(c.text[:n.Position()], "{{")
	return errorAt(c.text, action, "%s is not available in settings", what)
}

func (c *compiler) branch(n *parse.BranchNode, with bool) (step, error) {
	scope, outer := len(c.scope), c.inWith
	defer func() { c.scope, c.inWith = c.scope[:scope], outer }()
	value, err := c.pipe(n.Pipe)
	if err != nil {
		return nil, err
	}
	inner := len(c.scope) // a variable of the condition lives in both lists
	c.inWith = outer || with
	then, err := c.list(n.List)
	if err != nil {
		return nil, err
	}
	c.scope, c.inWith = c.scope[:inner], outer
	otherwise, err := c.list(n.ElseList)
	if err != nil {
		return nil, err
	}
	return func(s *state) error {
		v, err := value(s)
		if err != nil {
			return err
		}
		if !truth(v) {
			return s.run(otherwise)
		}
		if with {
			defer func(dot any) { s.dot = dot }(s.dot)
			s.dot = v
		}
		return s.run(then)
	}, nil
}

func (c *compiler) pipe(p *parse.PipeNode) (expr, error) {
	var value expr
	for _, cmd := range p.Cmds {
		v, err := c.command(cmd, value)
		if err != nil {
			return nil, err
		}
		value = v
	}
	for _, v := range p.Decl {
		name := v.Ident[0]
		if !p.IsAssign {
			c.scope = append(c.scope, name)
			c.slots = max(c.slots, len(c.scope))
		}
		slot, assigned := c.slot(name), value
		if slot < 0 {
			return nil, c.errorf(v, "%s can't be assigned to", name)
		}
		value = func(s *state) (any, error) {
			v, err := assigned(s)
			s.slots[slot] = v
			return v, err
		}
	}
	return value, nil
}

// slot is where a variable lives, or -1: the parser lets through only those that are
// declared, and $.
func (c *compiler) slot(name string) int {
	for i := len(c.scope) - 1; i >= 0; i-- {
		if c.scope[i] == name {
			return i
		}
	}
	return -1
}

// command compiles a word with its arguments. piped, unless it is nil, is one more
// argument.
func (c *compiler) command(cmd *parse.CommandNode, piped expr) (expr, error) {
	word, rest := cmd.Args[0], cmd.Args[1:]
	if name, ok := word.(*parse.IdentifierNode); ok {
		return c.call(name, rest, piped)
	}
	args, err := c.args(rest, piped)
	if err != nil {
		return nil, err
	}
	return c.operand(word, args)
}

func (c *compiler) args(nodes []parse.Node, piped expr) ([]expr, error) {
	var args []expr
	for _, n := range nodes {
		var arg expr
		var err error
		if name, ok := n.(*parse.IdentifierNode); ok {
			arg, err = c.call(name, nil, nil)
		} else {
			arg, err = c.operand(n, nil)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	if piped != nil {
		args = append(args, piped)
	}
	return args, nil
}

// operand compiles what is not a function's name. Only the methods of a moment take
// arguments.
func (c *compiler) operand(n parse.Node, args []expr) (expr, error) {
	switch n := n.(type) {
	case *parse.FieldNode:
		if c.inWith {
			return c.selectors(n, dot, nil, n.Ident, args)
		}
		return c.path(n, n.Ident, args)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return c.path(n, n.Ident[1:], args)
		}
		slot := c.slot(n.Ident[0])
		if slot < 0 {
			return nil, c.errorf(n, "%.40s is not declared here", n.Ident[0])
		}
		return c.selectors(n, func(s *state) (any, error) { return s.slots[slot], nil }, nil, n.Ident[1:], args)
	case *parse.ChainNode:
		value, err := c.operand(n.Node, nil)
		if err != nil {
			return nil, err
		}
		return c.selectors(n, value, nil, n.Field, args)
	}
	if len(args) > 0 {
		return nil, c.errorf(n, "%.40s is not a function and takes no arguments", n)
	}
	switch n := n.(type) {
	case *parse.PipeNode:
		scope := len(c.scope)
		defer func() { c.scope = c.scope[:scope] }()
		return c.pipe(n)
	case *parse.DotNode:
		if !c.inWith {
			return c.path(n, nil, nil)
		}
		return dot, nil
	case *parse.StringNode:
		return constant(n.Text), nil
	case *parse.BoolNode:
		return constant(n.True), nil
	case *parse.NumberNode:
		if !isWhole(n) {
			return nil, c.errorf(n, "%.40s is not a whole number", n.Text)
		}
		return constant(int(n.Int64)), nil
	}
	return nil, c.errorf(n, "%.40s has no meaning here", n)
}

// isWhole reports whether text/template, too, would take the number for an int.
func isWhole(n *parse.NumberNode) bool {
	fraction := ".eEpP"
	if strings.HasPrefix(n.Text, "'") {
		fraction = ""
	} else if strings.ContainsAny(n.Text, "xX") {
		fraction = ".pP"
	}
	return n.IsInt && !n.IsComplex && !strings.ContainsAny(n.Text, fraction)
}

func constant(v any) expr { return func(*state) (any, error) { return v, nil } }

func dot(s *state) (any, error) { return s.dot, nil }

// path compiles the way to a fact, from the root.
func (c *compiler) path(n parse.Node, names []string, args []expr) (expr, error) {
	if len(names) == 0 {
		return nil, c.errorf(n, "%s is all facts together: name one, such as .Version", n)
	}
	length := 1
	if example, ok := groups()[names[0]]; ok {
		if len(names) == 1 {
			return nil, c.errorf(n, ".%s is a group of facts: name one, such as %s", names[0], example)
		}
		length = 2
	}
	name := "." + strings.Join(names[:length], ".")
	read, ok := facts()[name]
	if variable, isEnv := strings.CutPrefix(name, envPrefix); isEnv {
		read, ok = environment(variable), true
	}
	if !ok {
		e := c.errorf(n, "unknown field %.60s", name)
		e.Similar = similarFact("." + strings.Join(names, "."))
		return nil, e
	}
	c.uses[name] = true
	return c.selectors(n, fact(read), read, names[length:], args)
}

func fact(read get) expr {
	return func(s *state) (any, error) { return read(s.values), nil }
}

// selectors compiles the methods behind a value. The arguments are the last one's.
// read is given for a fact.
func (c *compiler) selectors(n parse.Node, value expr, read get, names []string, args []expr) (expr, error) {
	if len(names) == 0 {
		if len(args) > 0 {
			return nil, c.errorf(n, "%.40s is not a function and takes no arguments", n)
		}
		return value, nil
	}
	if read != nil {
		// Facts don't change their type.
		if _, ok := read(everything()).(time.Time); !ok {
			return nil, c.errorf(n, "%.60s: the fact is a single value without fields", n)
		}
	}
	for i, name := range names {
		m, ok := methods()[name]
		if !ok {
			return nil, c.unknownMethod(n, name)
		}
		var given []expr
		if i == len(names)-1 {
			given = args
		}
		if len(given) != m.args {
			return nil, c.errorf(n, "%s takes %s, not %d", name, arguments(m.args), len(given))
		}
		value = m.on(c.errorf(n, "%s is for moments, such as .Date", name), value, given)
	}
	return value, nil
}

// everything has all facts.
func everything() *Values {
	return &Values{
		Version: "v", Module: "m", Platform: "p", Name: "n", Date: time.Unix(1, 0),
		Git: Git{Tag: "t", Branch: "b", Commit: "c", ShortCommit: "c", CommitTime: time.Unix(1, 0)},
	}
}

func (c *compiler) unknownMethod(n parse.Node, name string) error {
	full := "." + name
	if field, ok := n.(*parse.FieldNode); ok && c.inWith {
		full = "." + strings.Join(field.Ident, ".")
		_, isFact := facts()[full]
		if isFact || strings.HasPrefix(full, envPrefix) {
			e := c.errorf(n, "inside of {{with}} the dot is its value")
			e.Similar = "$" + full
			return e
		}
	}
	e := c.errorf(n, "unknown field %.60s", full)
	if similar := nearest(name, sortedKeys(methods())); similar != "" {
		e.Similar = "." + similar
	}
	return e
}
