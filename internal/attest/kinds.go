package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/imgo-build/imgo/internal/attest/sbom"
	"github.com/imgo-build/imgo/internal/attest/wire"
)

// Kind is a kind of what is told of an image.
type Kind string

// The kinds.
const (
	Signature  Kind = "signature"
	SBOM       Kind = "sbom"
	Provenance Kind = "provenance"
)

// Kinds lists all kinds.
var Kinds = []Kind{Signature, SBOM, Provenance}

// Content is the kind of the check that the registry has what an image's manifest
// promises. Nobody tells it: it can't be required.
const Content Kind = "content"

// kindOf is the kind of a predicate, by the very types that imgo and cosign write; empty
// for any other.
func kindOf(predicateType string) Kind {
	switch {
	case predicateType == wire.PredicateSign:
		return Signature
	case isType(predicateType, wire.PredicateSPDX), isType(predicateType, wire.PredicateCycloneDX):
		return SBOM
	case predicateType == wire.PredicateProvenance, predicateType == wire.PredicateProvenance02:
		return Provenance
	}
	return ""
}

// isType reports whether a predicate type is another, or a version of it such as
// https://spdx.dev/Document/v2.3.
func isType(predicateType, want string) bool {
	version, ok := strings.CutPrefix(predicateType, want)
	return ok && (version == "" || versionSuffix().MatchString(version))
}

// versionSuffix is compiled where it is needed: most runs don't.
var versionSuffix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/v[0-9]+(\.[0-9]+)*$`) })

// readPredicate says why a predicate is not what its type promises: whoever signs an empty
// document has said nothing.
func readPredicate(predicateType string, predicate json.RawMessage) error {
	switch kindOf(predicateType) {
	case SBOM:
		format, _, err := sbom.Parse(predicate)
		if err != nil {
			return err
		}
		if (format == sbom.FormatSPDX) != isType(predicateType, wire.PredicateSPDX) {
			return fmt.Errorf("it is said to be %s, and is in the format %s", predicateType, format)
		}
	case Provenance:
		return readProvenance(predicateType, predicate)
	}
	return nil
}

// readProvenance looks for what SLSA requires: who built, and by which kind of build.
func readProvenance(predicateType string, predicate json.RawMessage) error {
	var p struct {
		BuildDefinition struct {
			BuildType string `json:"buildType"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder builder `json:"builder"`
		} `json:"runDetails"`
		BuildType string  `json:"buildType"` // these two in v0.2
		Builder   builder `json:"builder"`
	}
	if err := json.Unmarshal(predicate, &p); err != nil {
		return err
	}
	buildType, by := p.BuildDefinition.BuildType, p.RunDetails.Builder.ID
	if predicateType == wire.PredicateProvenance02 {
		buildType, by = p.BuildType, p.Builder.ID
	}
	switch {
	case buildType == "":
		return errors.New("it has no buildType")
	case by == "":
		return errors.New("it names no builder")
	}
	return nil
}

type builder struct {
	ID string `json:"id"`
}
