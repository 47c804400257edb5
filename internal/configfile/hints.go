package configfile

import (
	"maps"
	"slices"
	"strings"
)

// unknown returns what was probably meant by a key that doesn't exist here: what other
// programs call by that name, a key that belongs elsewhere, or the nearest one.
func (o object[S]) unknown(d *decoder, name string) string {
	folded := fold(name)
	if hint, ok := o.foreign[folded]; ok {
		return hint
	}
	var known []string
	for _, f := range o.fields {
		known = append(known, f.name)
	}
	for _, k := range known {
		if fold(k) == folded {
			return "did you mean " + quote(k) + "?"
		}
	}
	if hint, ok := d.places[name]; ok {
		return hint
	}
	if near := nearest(name, known); near != "" {
		return "did you mean " + quote(near) + "?"
	}
	for k, hint := range d.places {
		if fold(k) == folded {
			return hint
		}
	}
	if near := nearest(folded, slices.Sorted(maps.Keys(o.foreign))); near != "" && len(folded) > 4 {
		return o.foreign[near] // a misspelt word of another program's
	}
	if len(known) <= 10 {
		return "the keys here are " + strings.ReplaceAll(alternatives(known), " or ", " and ")
	}
	return ""
}

// meant is a hint that names a key.
func meant(key string) string { return "did you mean " + quote(key) + "?" }

// foreignSettings are spellings of other programs: Dockerfile, compose, Kubernetes, ko
// and goreleaser. The keys are folded.
func foreignSettings() map[string]string {
	return foreignRules(foreignVerifying(foreignAttest(map[string]string{
		"packages":           "imgo installs no packages: use a base that has them",
		"main":               meant("package"),
		"importpath":         meant("package"),
		"dir":                meant("package"),
		"path":               "the package is package, the place in the image binaryPath",
		"from":               meant("base"),
		"image":              "the base is base, where the image is pushed to is repository",
		"baseimage":          meant("base"),
		"baseimages":         meant("base"),
		"defaultbaseimage":   meant("base"),
		"baseimageoverrides": "each image has its own base: images: {NAME: {base: …}}",
		"platform":           meant("platforms"),
		"defaultplatforms":   meant("platforms"),
		"arch":               meant("platforms"),
		"goarch":             meant("platforms"),
		"goos":               meant("platforms"),
		"tag":                meant("tags"),
		"name":               "an image's name is its key below images",
		"entrypoint":         "the entrypoint is the binary: its place is binaryPath, arguments are args, more programs binaries",
		"command":            meant("cmd"),
		"arguments":          meant("args"),
		"arg":                meant("args"),
		"environment":        meant("env"),
		"envs":               meant("env"),
		"expose":             meant("ports"),
		"port":               meant("ports"),
		"exposedports":       meant("ports"),
		"volume":             meant("volumes"),
		"label":              meant("labels"),
		"annotation":         meant("annotations"),
		"workingdir":         meant("workdir"),
		"workingdirectory":   meant("workdir"),
		"cwd":                meant("workdir"),
		"runasuser":          meant("user"),
		"uid":                "write user: UID:GID",
		"stopsig":            meant("stopSignal"),
		"health":             meant("healthcheck"),
		"livenessprobe":      meant("healthcheck"),
		"copy":               "write files: [{from: web/dist, to: /srv/www}]",
		"add":                "write files: [{from: web/dist, to: /srv/www}]",
		"file":               meant("files"),
		"extrafiles":         meant("files"),
		"kodata":             "a folder kodata beside the package is put into the image without being named",
		"binary":             meant("binaryPath"),
		"bin":                meant("binaryPath"),
		"builds":             "each image is an entry of its own below images",
		"build":              "flags of the build are ldflags, gcflags, buildTags and buildEnv",
		"flags":              "flags have keys of their own: ldflags, gcflags, buildTags, buildEnv and vcs",
		"gotags":             meant("buildTags"),
		"goflags":            "flags have keys of their own: ldflags, gcflags, buildTags, buildEnv and vcs",
		"asmflags":           "flags have keys of their own: ldflags, gcflags, buildTags, buildEnv and vcs",
		"goenv":              meant("buildEnv"),
		"buildargs":          meant("buildEnv"),
		"run":                "nothing is run while an image is built: use a base that has what is needed, or files",
		"shell":              "imgo runs no shell: args and cmd are lists",
		"onbuild":            "nothing is run while an image is built",
		"secrets":            "secrets don't belong into an image; allowSecrets names what only looks like one",
		"restart":            "that is decided where the container is run",
		"dependson":          "that is decided where the container is run",
		"networks":           "that is decided where the container is run",
		"mediatype":          meant("mediaTypes"),
		"format":             meant("mediaTypes"),
		"compress":           meant("compression"),
	})))
}

// foreignDocument are keys at the top of the files of other programs.
func foreignDocument() map[string]string {
	return map[string]string{
		"builds":             "write images: with an entry for each",
		"services":           "write images: with an entry for each",
		"image":              meant("images"),
		"default":            meant("defaults"),
		"profile":            meant("profiles"),
		"dockers":            "write images: with an entry for each",
		"kos":                "write images: with an entry for each",
		"sboms":              "write defaults: {sbom: […]}",
		"signs":              "write defaults: {sign: …}",
		"dockersigns":        "write defaults: {sign: …}",
		"projectname":        "an image's name is its key below images",
		"defaultbaseimage":   "write defaults: {base: …}",
		"defaultplatforms":   "write defaults: {platforms: […]}",
		"defaultldflags":     "write defaults: {ldflags: […]}",
		"defaultflags":       "write defaults: with ldflags, gcflags, buildTags or buildEnv",
		"defaultenv":         "write defaults: {buildEnv: {…}}",
		"baseimageoverrides": "each image has its own base: images: {NAME: {base: …}}",
		"extends":            "a file stands alone: what images share goes into defaults",
		"include":            "a file stands alone: what images share goes into defaults",
		"apiversion":         "the format's version, if any, is version: 1",
		"kind":               "the format's version, if any, is version: 1",
	}
}

func foreignFile() map[string]string {
	return map[string]string{
		"source": meant("from"), "src": meant("from"), "path": meant("from"),
		"target": meant("to"), "dest": meant("to"), "dst": meant("to"), "destination": meant("to"),
		"permissions": meant("mode"), "perm": meant("mode"), "chmod": meant("mode"),
		"chown": meant("owner"), "user": meant("owner"), "uid": meant("owner"), "gid": meant("owner"), "group": meant("owner"),
		"ignore": meant("exclude"), "excludes": meant("exclude"),
	}
}

func foreignHealth() map[string]string {
	return map[string]string{
		"cmd": meant("test"), "command": meant("test"), "exec": meant("test"),
		"http": meant("url"), "httpget": meant("url"), "tcpsocket": meant("url"), "path": meant("url"), "port": meant("url"),
		"initialdelayseconds": meant("startPeriod"), "periodseconds": meant("interval"),
		"timeoutseconds": meant("timeout"), "failurethreshold": meant("retries"),
		"disable": "write healthcheck: none",
	}
}

func foreignUser() map[string]string {
	return map[string]string{
		"user": meant("name"), "group": "the user's group is given by its number: gid", "id": meant("uid"),
		"homedir": meant("home"), "shell": "an image's user has no shell",
	}
}

func foreignBinary() map[string]string {
	return map[string]string{
		"main": meant("package"), "to": meant("path"), "binarypath": meant("path"),
	}
}
