package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kind says what a component is. Components are listed in this order.
type kind int

const (
	kindImage kind = iota
	kindBinary
	kindMain
	kindStdlib
	kindToolchain
	kindModule
	kindLayer
	kindPart
	kindBase
	kindPackage
)

var kindNames = [...]string{"Image", "Binary", "Main", "Stdlib", "Toolchain", "Module", "Layer", "Part", "Base", "Package"}

// component is a thing in an image, in no format yet.
type component struct {
	kind    kind
	key     string // what it is told apart by, among all components
	id      string // unique in the document, of SPDX's idstring characters
	name    string
	version string
	path    string // in the image
	purl    string
	sha256  string // of a file, hexadecimal
	license string // SPDX expression, or empty
	h1      string // a module's sum
	source  string // where it is from: a URL, or empty
	facts   []fact
	partial bool // what it contains isn't all known
}

// fact is what the formats have no field for.
type fact struct{ name, value string }

func (c *component) tell(name, value string) {
	if f := (fact{name, value}); value != "" && !slices.Contains(c.facts, f) {
		c.facts = append(c.facts, f)
	}
}

// relation is how one component stands to another.
type relation int

const (
	contains relation = iota
	dependsOn
	generatedFrom
	builtBy
)

type link struct {
	from     string // keys, until they are replaced by IDs
	relation relation
	to       string
}

// inventory is all that is in an image.
type inventory struct {
	image      *component
	components []*component // without the image, sorted
	links      []link       // between IDs, sorted
	byKey      map[string]*component
}

// take makes an inventory.
func take(img Image) (*inventory, error) {
	digest, err := digestHex("the image", img.Digest)
	if err != nil {
		return nil, err
	}
	inv := &inventory{byKey: map[string]*component{}}
	inv.image = inv.add("", contains, &component{
		kind: kindImage, name: img.Name, version: img.Digest, sha256: digest, purl: ociURL(img.Name, img.Digest, img.Platform),
	})
	inv.image.tell("platform", img.Platform)
	// Of what binaries share, the first of them tells.
	binaries := slices.SortedFunc(slices.Values(img.Binaries), func(a, b Binary) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.SHA256, b.SHA256))
	})
	for i := range binaries {
		if err := inv.addBinary(&binaries[i]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(inv.addLayers(img), inv.addBase(img.Base)); err != nil {
		return nil, err
	}
	inv.number()
	return inv, nil
}

// add puts a component into the inventory, or finds it there, and links it to another
// one, where from is not empty.
func (inv *inventory) add(from string, r relation, c *component) *component {
	// Keys of different kinds must not meet.
	c.key = kindNames[c.kind] + "\x00" + c.key
	if known, ok := inv.byKey[c.key]; ok {
		for _, f := range c.facts {
			known.tell(f.name, f.value)
		}
		known.license = cmp.Or(known.license, c.license)
		c = known
	} else {
		inv.byKey[c.key] = c
	}
	if from != "" {
		inv.links = append(inv.links, link{from, r, c.key})
	}
	return c
}

func (inv *inventory) addLayers(img Image) error {
	for _, l := range img.Files {
		digest, err := digestHex("a layer of files", l.Digest)
		if err != nil {
			return err
		}
		c := &component{kind: kindLayer, key: l.Digest, name: cmp.Or(l.Description, "files"), version: l.Digest, sha256: digest}
		c.tell("diff-id", l.DiffID)
		if l.Paths > 0 {
			c.tell("entries", strconv.Itoa(l.Paths))
		}
		inv.add(inv.image.key, contains, c)
	}
	if img.Runtime == nil {
		return nil
	}
	digest, err := digestHex("the runtime layer", img.Runtime.Digest)
	if err != nil {
		return err
	}
	layer := inv.add(inv.image.key, contains, &component{
		kind: kindLayer, key: img.Runtime.Digest, name: "runtime layer of imgo", version: img.Runtime.Digest, sha256: digest,
	})
	for _, p := range img.Runtime.Parts {
		c := &component{
			kind: kindPart, key: fmt.Sprintf("%q %q", p.Name, p.Version), name: p.Name, version: p.Version,
			purl: packageURL("generic", p.Name, p.Version),
		}
		c.setLicense(p.License)
		if isURL(p.Source) {
			c.source = p.Source
		} else {
			c.tell("source", p.Source)
		}
		inv.add(layer.key, contains, c)
	}
	return nil
}

func (inv *inventory) addBase(b *Base) error {
	if b == nil {
		return nil
	}
	digest, err := digestHex("the base "+b.Name, b.Digest)
	if err != nil {
		return err
	}
	c := &component{
		kind: kindBase, key: b.Digest, name: b.Name, version: b.Digest, sha256: digest,
		purl: ociURL(b.Name, b.Digest, ""), partial: b.Incomplete != "",
	}
	if c.partial {
		c.tell("packages", "not known: "+b.Incomplete)
	}
	base := inv.add(inv.image.key, contains, c)
	for _, p := range b.Packages {
		c := &component{kind: kindPackage, name: p.Name, version: p.Version, purl: distributionURL(p)}
		c.key = fmt.Sprintf("%q %q %q", c.purl, p.Name, p.Version)
		c.setLicense(p.License)
		c.tell("source-package", p.Source)
		c.tell("architecture", p.Arch)
		inv.add(base.key, contains, c)
	}
	return nil
}

// setLicense takes what a database says: an expression, or words to be repeated.
func (c *component) setLicense(s string) {
	if isExpression(s) {
		c.license = s
	} else {
		c.tell("license-as-declared", s)
	}
}

func isURL(s string) bool {
	return (strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")) && !strings.ContainsAny(s, " \t\r\n")
}

// number gives the components their IDs, and sorts everything.
func (inv *inventory) number() {
	for _, c := range inv.byKey {
		c.id = componentID(c)
		slices.SortFunc(c.facts, func(a, b fact) int {
			return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
		})
	}
	inv.components = slices.SortedFunc(maps.Values(inv.byKey), func(a, b *component) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version), cmp.Compare(a.key, b.key))
	})[1:]
	for i, l := range inv.links {
		inv.links[i].from, inv.links[i].to = inv.byKey[l.from].id, inv.byKey[l.to].id
	}
	slices.SortFunc(inv.links, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.relation, b.relation), cmp.Compare(a.to, b.to))
	})
	inv.links = slices.Compact(inv.links)
}

// componentID is a readable beginning and a hash: names that differ only in what an ID
// can't have stay apart.
func componentID(c *component) string {
	if c.kind == kindImage {
		return kindNames[kindImage]
	}
	const longest = 80
	var b strings.Builder
	b.WriteString(kindNames[c.kind] + "-")
	text := c.name
	if c.version != "" && c.version != "sha256:"+c.sha256 {
		text += "-" + c.version
	}
	for _, r := range text {
		if b.Len() >= longest {
			break
		}
		if r < 0x80 && isIDByte(byte(r)) {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('-')
		}
	}
	sum := sha256.Sum256([]byte(c.key))
	return b.String() + "-" + hex.EncodeToString(sum[:8])
}
