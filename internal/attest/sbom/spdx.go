package sbom

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	spdxVersion = "SPDX-2.3"
	noAssertion = "NOASSERTION"
	spdxRef     = "SPDXRef-"
	// namespaceBase begins the namespaces of documents. Nothing needs to be there.
	namespaceBase = "https://github.com/imgo-build/imgo/sbom/"
)

// The fields of SPDX 2.3 that imgo writes or reads
// (https://spdx.github.io/spdx-spec/v2.3).
type spdxDocument struct {
	SPDXVersion   string             `json:"spdxVersion"`
	DataLicense   string             `json:"dataLicense"`
	SPDXID        string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	CreationInfo  spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
	Extracted     []spdxExtracted    `json:"hasExtractedLicensingInfos,omitempty"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	Name             string            `json:"name"`
	SPDXID           string            `json:"SPDXID"`
	Version          string            `json:"versionInfo,omitempty"`
	FileName         string            `json:"packageFileName,omitempty"`
	Supplier         string            `json:"supplier"`
	DownloadLocation string            `json:"downloadLocation"`
	FilesAnalyzed    bool              `json:"filesAnalyzed"`
	Checksums        []spdxChecksum    `json:"checksums,omitempty"`
	LicenseConcluded string            `json:"licenseConcluded"`
	LicenseDeclared  string            `json:"licenseDeclared"`
	Copyright        string            `json:"copyrightText"`
	Comment          string            `json:"comment,omitempty"`
	ExternalRefs     []spdxExternalRef `json:"externalRefs,omitempty"`
	Purpose          string            `json:"primaryPackagePurpose,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxExternalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
	Comment  string `json:"comment,omitempty"`
}

type spdxRelationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

type spdxExtracted struct {
	ID   string `json:"licenseId"`
	Text string `json:"extractedText"`
	Name string `json:"name"`
}

var spdxPurposes = [...]string{
	kindImage: "CONTAINER", kindBinary: "APPLICATION", kindMain: "SOURCE", kindStdlib: "LIBRARY", kindToolchain: "APPLICATION",
	kindModule: "LIBRARY", kindLayer: "ARCHIVE", kindPart: "OTHER", kindBase: "CONTAINER", kindPackage: "INSTALL",
}

// SPDX returns an SPDX 2.3 document of an image. The document describes the image,
// which contains layers, binaries and the base; a binary is generated from its main
// module and depends on the modules that are linked into it. It is an error where a
// digest is malformed or a binary has no build info.
func SPDX(img Image) ([]byte, error) {
	inv, err := take(img)
	if err != nil {
		return nil, fmt.Errorf("describing the image %s: %w", img.Name, err)
	}
	doc := &spdxDocument{
		SPDXVersion:  spdxVersion,
		DataLicense:  "CC0-1.0",
		SPDXID:       spdxRef + "DOCUMENT",
		Name:         img.Name,
		CreationInfo: spdxCreation{Created: timestamp(img.Created), Creators: []string{"Tool: " + strings.TrimSuffix("imgo-"+img.Tool, "-")}},
		Packages:     []spdxPackage{spdxPackageOf(inv.image)},
		Extracted:    extracted(inv),
	}
	for _, c := range inv.components {
		doc.Packages = append(doc.Packages, spdxPackageOf(c))
	}
	doc.Relationships = []spdxRelationship{{doc.SPDXID, "DESCRIBES", spdxRef + inv.image.id}}
	for _, l := range inv.links {
		doc.Relationships = append(doc.Relationships, spdxLink(l))
	}
	id, err := contentUUID("spdx", doc)
	if err != nil {
		return nil, err
	}
	doc.Namespace = namespaceBase + inv.image.sha256 + "/" + id
	return marshal(doc)
}

func spdxPackageOf(c *component) spdxPackage {
	p := spdxPackage{
		Name:             cmp.Or(c.name, noAssertion),
		SPDXID:           spdxRef + c.id,
		Version:          c.version,
		FileName:         c.path,
		Supplier:         noAssertion,
		DownloadLocation: cmp.Or(c.source, noAssertion),
		LicenseConcluded: noAssertion,
		LicenseDeclared:  cmp.Or(c.license, noAssertion),
		Copyright:        noAssertion,
		Purpose:          spdxPurposes[c.kind],
	}
	if c.sha256 != "" {
		p.Checksums = []spdxChecksum{{"SHA256", c.sha256}}
	}
	if c.purl != "" {
		p.ExternalRefs = append(p.ExternalRefs, spdxExternalRef{Category: "PACKAGE-MANAGER", Type: "purl", Locator: c.purl})
	}
	if c.h1 != "" {
		p.ExternalRefs = append(p.ExternalRefs, spdxExternalRef{
			Category: "OTHER", Type: "golang-h1", Locator: c.h1,
			Comment: "h1 of golang.org/x/mod/sumdb/dirhash, over the module's files; not the checksum of an archive",
		})
	}
	var lines []string
	for _, f := range c.facts {
		lines = append(lines, f.name+": "+f.value)
	}
	p.Comment = strings.Join(lines, "\n")
	return p
}

func spdxLink(l link) spdxRelationship {
	from, to := spdxRef+l.from, spdxRef+l.to
	switch l.relation {
	case contains:
		return spdxRelationship{from, "CONTAINS", to}
	case generatedFrom:
		return spdxRelationship{from, "GENERATED_FROM", to}
	case builtBy:
		return spdxRelationship{to, "BUILD_TOOL_OF", from}
	default: // STATIC_LINK is between files, and few readers follow it
		return spdxRelationship{from, "DEPENDS_ON", to}
	}
}

// extracted says what the licences are that SPDX's list doesn't have.
func extracted(inv *inventory) []spdxExtracted {
	users := map[string][]string{}
	for _, c := range inv.components {
		for _, id := range references(c.license) {
			users[id] = append(users[id], strings.TrimSuffix(c.name+"@"+c.version, "@"))
		}
	}
	var list []spdxExtracted
	for _, id := range slices.Sorted(maps.Keys(users)) {
		list = append(list, spdxExtracted{
			ID:   id,
			Name: strings.TrimPrefix(id, "LicenseRef-"),
			Text: "The text is in the licence files of: " + strings.Join(users[id], ", "),
		})
	}
	return list
}
