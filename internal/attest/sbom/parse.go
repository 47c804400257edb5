package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Format is a format of SBOMs, by the word for it in --sbom.
type Format string

// The formats that Parse reads.
const (
	FormatSPDX      Format = "spdx"
	FormatCycloneDX Format = "cyclonedx"
)

// ErrNoSBOM is what a document is that has the marks of neither format.
var ErrNoSBOM = errors.New("neither an SPDX 2 nor a CycloneDX document in JSON")

// Component is what an SBOM says of one thing in an image.
type Component struct {
	Name    string
	Version string // empty where unknown
	PURL    string // package URL, or empty
	// Licenses are identifiers or expressions that all apply, sorted; a concluded
	// licence comes before a declared one. None are known where it is empty.
	Licenses []string
}

// Parse reads an SPDX 2.2 or 2.3 or a CycloneDX 1.x document, imgo's or another tool's.
// Components come in the document's order, without what the document as a whole
// describes. The error matches ErrNoSBOM where the document is something else.
func Parse(doc []byte) (Format, []Component, error) {
	var marks struct {
		SPDXVersion string          `json:"spdxVersion"`
		BOMFormat   string          `json:"bomFormat"`
		SpecVersion string          `json:"specVersion"`
		Context     json.RawMessage `json:"@context"`
	}
	if err := json.Unmarshal(doc, &marks); err != nil {
		return "", nil, fmt.Errorf("reading an SBOM: %w: %w", ErrNoSBOM, err)
	}
	switch {
	case marks.SPDXVersion == "SPDX-2.2" || marks.SPDXVersion == "SPDX-2.3":
		list, err := parseSPDX(doc)
		return FormatSPDX, list, err
	case marks.BOMFormat == "CycloneDX" && strings.HasPrefix(marks.SpecVersion, "1."):
		list, err := parseCycloneDX(doc)
		return FormatCycloneDX, list, err
	case marks.SPDXVersion != "":
		return "", nil, fmt.Errorf("reading an SBOM: version %q of SPDX isn't known", marks.SPDXVersion)
	case marks.BOMFormat == "CycloneDX":
		return "", nil, fmt.Errorf("reading an SBOM: version %q of CycloneDX isn't known", marks.SpecVersion)
	case strings.Contains(string(marks.Context), "spdx"):
		return "", nil, errors.New("reading an SBOM: SPDX 3 isn't known")
	default:
		return "", nil, fmt.Errorf("reading an SBOM: %w", ErrNoSBOM)
	}
}

func parseSPDX(text []byte) ([]Component, error) {
	var doc struct {
		spdxDocument
		Describes []string `json:"documentDescribes"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading an SPDX document: %w", err)
	}
	described := doc.Describes
	for _, r := range doc.Relationships {
		if r.Type == "DESCRIBES" && r.Element == spdxRef+"DOCUMENT" {
			described = append(described, r.Related)
		}
	}
	slices.Sort(described)
	described = slices.Compact(described)
	var list []Component
	for _, p := range doc.Packages {
		// Some tools describe all packages, for want of one that contains them.
		if len(described) == 1 && p.SPDXID == described[0] {
			continue
		}
		c := Component{Name: p.Name, Version: p.Version, Licenses: licensesOf(p.LicenseConcluded, p.LicenseDeclared)}
		for _, r := range p.ExternalRefs {
			if r.Type == "purl" && c.PURL == "" {
				c.PURL = r.Locator
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// licensesOf takes the first expression that says anything.
func licensesOf(expressions ...string) []string {
	for _, e := range expressions {
		if e = strings.TrimSpace(e); e != "" && e != noAssertion && e != "NONE" {
			return splitAll(e)
		}
	}
	return nil
}

func parseCycloneDX(text []byte) ([]Component, error) {
	var doc struct {
		Components []cdxComponent `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading a CycloneDX document: %w", err)
	}
	return flatten(nil, doc.Components), nil
}

// flatten lists components before those that they contain. encoding/json bounds how
// deep they go.
func flatten(list []Component, components []cdxComponent) []Component {
	for _, c := range components {
		list = append(list, Component{Name: c.Name, Version: c.Version, PURL: c.PURL, Licenses: cdxLicensesOf(c.Licenses)})
		list = flatten(list, c.Components)
	}
	return list
}

func cdxLicensesOf(licenses []cdxLicense) []string {
	var concluded, all []string
	for _, l := range licenses {
		said, acknowledged := []string(nil), l.Acknowledgement
		switch {
		case l.License != nil && l.License.ID != "":
			said, acknowledged = []string{l.License.ID}, l.License.Acknowledgement
		case l.License != nil && l.License.Name != "":
			said, acknowledged = []string{l.License.Name}, l.License.Acknowledgement
		default:
			said = licensesOf(l.Expression)
		}
		all = append(all, said...)
		if acknowledged == "concluded" {
			concluded = append(concluded, said...)
		}
	}
	if len(concluded) > 0 {
		all = concluded
	}
	slices.Sort(all)
	return slices.Compact(all)
}
