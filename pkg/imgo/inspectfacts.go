package imgo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imgo-build/imgo/pkg/image"
)

// Fact is one thing that an image, a program or a file says of itself.
type Fact struct {
	Field string // such as "user" or "env"
	Key   string // which one, of fields that there are several of: a variable, a label, a port
	Value string
}

// Text is the fact without its field, as people write it: KEY=VALUE, or a module with
// its version.
func (f Fact) Text() string {
	switch f.Field {
	case "port", "volume", "on build":
		return f.Key
	case "module":
		return f.Key + " " + f.Value
	case "env", "label", "annotation", "setting":
		return f.Key + "=" + f.Value
	}
	return f.Value
}

// identity is what an image is, apart from how it is run.
func (i *InspectedImage) identity() []Fact {
	out := []Fact{{"platform", "", i.Platform}, {"media type", "", i.MediaType}}
	out = append(out, Fact{"created", "", timestamp(i.Created)}, Fact{"author", "", i.Author})
	if b := i.Base; b != nil {
		out = append(out, Fact{"base", "", b.String()}, Fact{"base created", "", timestamp(b.Created)})
	}
	return known(out)
}

// String is the base's name and digest, as far as they were recorded.
func (b *InspectedBase) String() string {
	switch {
	case b.Name == "" && b.Digest == "":
		return "not recorded"
	case b.Name == "" || b.Digest == "":
		return b.Name + b.Digest
	}
	return b.Name + "@" + b.Digest
}

// Facts are what the config and the annotations say, in the order in which people
// look for it.
func (i *InspectedImage) Facts() []Fact {
	c := &i.Config
	out := []Fact{{"user", "", c.User}}
	if len(c.Entrypoint) > 0 {
		out = append(out, Fact{"entrypoint", "", words(c.Entrypoint[:1])}, Fact{"args", "", words(c.Entrypoint[1:])})
	}
	out = append(out, Fact{"cmd", "", words(c.Cmd)}, Fact{"directory", "", c.WorkingDir})
	for _, kv := range c.Env {
		key, value, _ := strings.Cut(kv, "=")
		out = append(out, Fact{"env", key, value})
	}
	for _, p := range slices.Sorted(maps.Keys(c.ExposedPorts)) {
		out = append(out, Fact{"port", p, ""})
	}
	for _, v := range slices.Sorted(maps.Keys(c.Volumes)) {
		out = append(out, Fact{"volume", v, ""})
	}
	out = append(out, Fact{"stop signal", "", c.StopSignal}, Fact{"healthcheck", "", healthText(c.Healthcheck)},
		Fact{"shell", "", words(c.Shell)}, Fact{"hostname", "", c.Hostname}, Fact{"domain", "", c.Domainname})
	for _, s := range c.OnBuild {
		out = append(out, Fact{"on build", s, ""})
	}
	out = append(out, mapping("label", c.Labels)...)
	return known(append(out, mapping("annotation", i.Annotations)...))
}

// CommonFacts are those that all of some images have.
func CommonFacts(images []InspectedImage) []Fact {
	if len(images) == 0 {
		return nil
	}
	out := images[0].Facts()
	for n := range images[1:] {
		other, ids := table(images[n+1].Facts()), table(out).ids
		var kept []Fact
		for i, f := range out {
			if v := other.value(ids[i]); v != nil && *v == f.Value {
				kept = append(kept, f)
			}
		}
		out = kept
	}
	return out
}

// known are the facts that say something.
func known(facts []Fact) []Fact {
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Key == "" && f.Value == "" })
}

func mapping(field string, m map[string]string) []Fact {
	var out []Fact
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Fact{field, k, m[k]})
	}
	return out
}

// timestamp is a time as configs have it, and nothing where there is none.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// words joins the words of a command so that it can be seen where each ends.
func words(list []string) string {
	out := make([]string, len(list))
	for i, w := range list {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\r\n\"\\") {
			out[i] = strconv.Quote(w)
		}
	}
	return strings.Join(out, " ")
}

// healthText is the command of a health check, and how often it runs where that is said.
func healthText(h *image.Healthcheck) string {
	if h == nil {
		return ""
	}
	out := words(h.Test)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"every", h.Interval}, {"timeout", h.Timeout}, {"start period", h.StartPeriod}, {"start interval", h.StartInterval}} {
		if d.value != 0 {
			out += fmt.Sprintf(", %s %s", d.name, d.value)
		}
	}
	if h.Retries != 0 {
		out += fmt.Sprintf(", %d retries", h.Retries)
	}
	return out
}

// Change is a fact that is not the same on both sides.
type Change struct {
	Field string  `json:"field"`
	Key   string  `json:"key,omitempty"`
	Old   *string `json:"old,omitempty"` // nil where only the new side says it
	New   *string `json:"new,omitempty"` // nil where only the old side says it
}

// OldText and NewText are the two sides as [Fact.Text] has them. They are for sides
// that are there.
func (c *Change) OldText() string { return Fact{c.Field, c.Key, *c.Old}.Text() }

// NewText is the new side.
func (c *Change) NewText() string { return Fact{c.Field, c.Key, *c.New}.Text() }

// factID names a fact: of a field and key that is there several times, the how manieth.
type factID struct {
	field, key string
	nth        int
}

// factTable is facts by name.
type factTable struct {
	ids    []factID
	values map[factID]string
}

func table(facts []Fact) factTable {
	t := factTable{values: map[factID]string{}}
	count := map[factID]int{}
	for _, f := range facts {
		id := factID{field: f.Field, key: f.Key}
		count[id]++
		id.nth = count[id]
		t.ids = append(t.ids, id)
		t.values[id] = f.Value
	}
	return t
}

// changes compares facts, field by field; what only the new side says comes last in its
// field.
func changes(old, new []Fact) []Change {
	before, after := table(old), table(new)
	ids := map[string][]factID{}
	for _, id := range before.ids {
		ids[id.field] = append(ids[id.field], id)
	}
	for _, id := range after.ids {
		if before.value(id) == nil {
			ids[id.field] = append(ids[id.field], id)
		}
	}
	out := []Change{}
	for _, field := range mergedFields(before.ids, after.ids) {
		for _, id := range ids[field] {
			c := Change{Field: id.field, Key: id.key, Old: before.value(id), New: after.value(id)}
			if c.Old == nil || c.New == nil || *c.Old != *c.New {
				out = append(out, c)
			}
		}
	}
	return out
}

// mergedFields are the fields of both sides, each after that which it follows on its own.
func mergedFields(old, new []factID) []string {
	var out []string
	for _, ids := range [][]factID{old, new} {
		at := -1 // of the field before
		for _, id := range ids {
			i := slices.Index(out, id.field)
			if i < 0 {
				i = at + 1
				out = slices.Insert(out, i, id.field)
			}
			at = i
		}
	}
	return out
}

// value is nil where the table lacks the fact.
func (t factTable) value(id factID) *string {
	if v, ok := t.values[id]; ok {
		return &v
	}
	return nil
}
