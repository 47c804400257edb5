package files

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
)

// maxHops is how many links a path may go through, as on Linux.
const maxHops = 40

// settleLinks checks that every link resolves to something that is copied, in the
// image as here, and makes absolute targets relative.
func (t *tree) settleLinks(nodes []*node) error {
	known := make(map[string]*node, len(nodes))
	for _, n := range nodes {
		known[n.rel] = n
	}
	var errs []error
	for _, n := range nodes {
		if n.link != "" && filepath.IsAbs(filepath.FromSlash(n.link)) {
			errs = append(errs, t.relativeLink(nodes[0], n))
		}
	}
	for _, n := range nodes {
		if n.link != "" && !resolves(known, n) {
			errs = append(errs, t.explainLink(n))
		}
	}
	return errors.Join(errs...)
}

// relativeLink rewrites an absolute target that lies in the copied directory. Others
// are left for resolves to refuse.
func (t *tree) relativeLink(top, n *node) error {
	name, err := t.locate(n.link)
	if err != nil {
		return nil
	}
	target, ok := within(t.full(top.name), t.full(name))
	if !ok {
		return nil
	}
	rel, err := filepath.Rel(filepath.FromSlash(path.Dir(n.rel)), filepath.FromSlash(target))
	n.link = filepath.ToSlash(rel)
	return err
}

// resolves walks from a link to its target through the files of the set alone, as the
// kernel will in the image.
func resolves(known map[string]*node, link *node) bool {
	if strings.HasPrefix(link.link, "/") {
		return false
	}
	at, hops := path.Dir(link.rel), 0
	todo := strings.Split(link.link, "/")
	for len(todo) > 0 {
		element := todo[0]
		todo = todo[1:]
		if here := known[at]; here == nil || !here.state.Mode.IsDir() {
			return false
		}
		switch element {
		case "", ".":
		case "..":
			if at == "." {
				return false
			}
			at = path.Dir(at)
		default:
			next := known[path.Join(at, element)]
			if next == nil {
				return false
			}
			if next.link == "" {
				at = next.rel
				continue
			}
			if hops++; hops > maxHops || strings.HasPrefix(next.link, "/") {
				return false
			}
			todo = append(strings.Split(next.link, "/"), todo...)
		}
	}
	return true
}

// explainLink says why a link is refused.
func (t *tree) explainLink(n *node) error {
	if _, _, err := t.follow(n.name); err != nil {
		return err
	}
	return &LinkError{Path: n.shown, Target: n.link, Problem: "points to what is not copied with it"}
}
