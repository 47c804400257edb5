package sbom

import (
	"fmt"
	"strings"
)

// The fields of CycloneDX 1.6 that imgo writes or reads
// (https://cyclonedx.org/docs/1.6/json). The types of cyclonedx-go would do as well,
// but cost every start of imgo half a millisecond.
type cdxDocument struct {
	Schema       string           `json:"$schema,omitempty"`
	BOMFormat    string           `json:"bomFormat"`
	SpecVersion  string           `json:"specVersion"`
	SerialNumber string           `json:"serialNumber,omitempty"`
	Version      int              `json:"version"`
	Metadata     cdxMetadata      `json:"metadata"`
	Components   []cdxComponent   `json:"components"`
	Dependencies []cdxDependency  `json:"dependencies,omitempty"`
	Compositions []cdxComposition `json:"compositions,omitempty"`
}

type cdxMetadata struct {
	Timestamp string       `json:"timestamp"`
	Tools     cdxTools     `json:"tools"`
	Component cdxComponent `json:"component"`
}

type cdxTools struct {
	Components []cdxComponent `json:"components"`
}

type cdxComponent struct {
	BOMRef       string           `json:"bom-ref,omitempty"`
	Type         string           `json:"type"`
	Name         string           `json:"name"`
	Version      string           `json:"version,omitempty"`
	Scope        string           `json:"scope,omitempty"`
	Hashes       []cdxHash        `json:"hashes,omitempty"`
	Licenses     []cdxLicense     `json:"licenses,omitempty"`
	PURL         string           `json:"purl,omitempty"`
	ExternalRefs []cdxExternalRef `json:"externalReferences,omitempty"`
	Properties   []cdxProperty    `json:"properties,omitempty"`
	Components   []cdxComponent   `json:"components,omitempty"`
}

type cdxHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// cdxLicense is one identifier, or an expression that is alone in its list.
type cdxLicense struct {
	License         *cdxNamedLicense `json:"license,omitempty"`
	Expression      string           `json:"expression,omitempty"`
	Acknowledgement string           `json:"acknowledgement,omitempty"`
}

type cdxNamedLicense struct {
	ID              string `json:"id,omitempty"`
	Name            string `json:"name,omitempty"`
	Acknowledgement string `json:"acknowledgement,omitempty"`
}

type cdxExternalRef struct {
	URL  string `json:"url"`
	Type string `json:"type"`
}

type cdxProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type cdxDependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

type cdxComposition struct {
	Aggregate  string   `json:"aggregate"`
	Assemblies []string `json:"assemblies"`
}

var cdxTypes = [...]string{
	kindImage: "container", kindBinary: "application", kindMain: "library", kindStdlib: "library", kindToolchain: "application",
	kindModule: "library", kindLayer: "file", kindPart: "data", kindBase: "container", kindPackage: "library",
}

// CycloneDX returns a CycloneDX 1.6 document of an image. What SPDX has as relationships
// is its graph of dependencies: the image stands on its layers, binaries and base, a
// binary on its modules, the base on its packages. Errors are as for SPDX.
func CycloneDX(img Image) ([]byte, error) {
	inv, err := take(img)
	if err != nil {
		return nil, fmt.Errorf("describing the image %s: %w", img.Name, err)
	}
	doc := &cdxDocument{
		Schema:      "http://cyclonedx.org/schema/bom-1.6.schema.json",
		BOMFormat:   "CycloneDX",
		SpecVersion: "1.6",
		Version:     1,
		Metadata: cdxMetadata{
			Timestamp: timestamp(img.Created),
			Tools:     cdxTools{Components: []cdxComponent{{Type: "application", Name: "imgo", Version: img.Tool}}},
			Component: cdxComponentOf(inv.image),
		},
		Components:   []cdxComponent{},
		Dependencies: cdxDependencies(inv),
	}
	for _, c := range inv.components {
		doc.Components = append(doc.Components, cdxComponentOf(c))
		if c.partial {
			doc.Compositions = append(doc.Compositions, cdxComposition{"incomplete", []string{c.id}})
		}
	}
	id, err := contentUUID("cyclonedx", doc)
	if err != nil {
		return nil, err
	}
	doc.SerialNumber = "urn:uuid:" + id
	return marshal(doc)
}

func cdxComponentOf(c *component) cdxComponent {
	d := cdxComponent{
		BOMRef: c.id, Type: cdxTypes[c.kind], Name: c.name, Version: c.version, PURL: c.purl, Licenses: cdxLicenses(c),
	}
	if c.kind == kindToolchain {
		d.Scope = "excluded"
	}
	if c.sha256 != "" {
		d.Hashes = []cdxHash{{"SHA-256", c.sha256}}
	}
	if c.source != "" {
		d.ExternalRefs = []cdxExternalRef{{c.source, "distribution"}}
	}
	if c.h1 != "" {
		d.Properties = append(d.Properties, cdxProperty{"golang:h1", c.h1})
	}
	for _, f := range c.facts {
		d.Properties = append(d.Properties, cdxProperty{"imgo:" + f.name, f.value})
	}
	return d
}

// cdxLicenses names a module's single licence by its identifier. Everything else is an
// expression: a distribution's identifiers need not be on the list that "id" is for.
func cdxLicenses(c *component) []cdxLicense {
	const declared = "declared"
	switch {
	case c.license == "":
		return nil
	case c.kind == kindPackage || c.kind == kindPart || strings.ContainsAny(c.license, " (+") || strings.HasPrefix(c.license, "LicenseRef-"):
		return []cdxLicense{{Expression: c.license, Acknowledgement: declared}}
	default:
		return []cdxLicense{{License: &cdxNamedLicense{ID: c.license, Acknowledgement: declared}}}
	}
}

// cdxDependencies is the graph: every component has a node, as the format asks. The
// toolchain is none of an image's dependencies.
func cdxDependencies(inv *inventory) []cdxDependency {
	on := map[string][]string{}
	for _, l := range inv.links {
		if l.relation != builtBy {
			on[l.from] = append(on[l.from], l.to)
		}
	}
	list := []cdxDependency{{inv.image.id, on[inv.image.id]}}
	for _, c := range inv.components {
		list = append(list, cdxDependency{c.id, on[c.id]})
	}
	return list
}
