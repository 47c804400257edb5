package configfile

import "time"

// healthFields are the keys of a healthcheck that is a mapping.
func healthFields(url kind[string], test kind[[]string]) []field[Healthcheck] {
	return []field[Healthcheck]{
		key("url", "What is asked: a page over HTTP, or a TCP port, which must be open. Without a host it is the container itself.",
			`url: http://:8080/healthz`, url, func(h *Healthcheck) *string { return &h.URL }),
		key("test", "A command that is run in the container and ends with status 0 when all is well. It is a list, run without a shell; the `CMD` that Docker has in front can be left out.",
			`test: [/app/server, health]`, test, func(h *Healthcheck) *[]string { return &h.Test }),
		key("interval", "Time between two checks.", `interval: 30s`, duration(false), func(h *Healthcheck) *Value[time.Duration] { return &h.Interval }),
		key("timeout", "After this time a check has failed.", `timeout: 5s`, duration(false), func(h *Healthcheck) *Value[time.Duration] { return &h.Timeout }),
		key("startPeriod", "During this time after the start, failures don't count.", `startPeriod: 10s`, duration(true), func(h *Healthcheck) *Value[time.Duration] { return &h.StartPeriod }),
		key("startInterval", "Time between two checks during the start period.", `startInterval: 1s`, duration(false), func(h *Healthcheck) *Value[time.Duration] { return &h.StartInterval }),
		key("retries", "So many failures in a row make the container unhealthy.", `retries: 3`,
			number("a number of at least 1", "3", 1, 1<<31-1), func(h *Healthcheck) *Value[int64] { return &h.Retries }),
	}
}

// userObject is a user that is created where the base lacks it.
func userObject() object[User] {
	id := number("an id from 0 to 4294967294", "1000", 0, largestID)
	return object[User]{
		want: "a mapping", foreign: foreignUser(),
		fields: []field[User]{
			required(key("name", "The user's name.", `name: app`, accountName.kind(), func(u *User) *Value[string] { return &u.Name })),
			key("uid", "The user's number.", `uid: 1000`, id, func(u *User) *Value[int64] { return &u.UID }),
			key("gid", "The group's number.", `gid: 1000`, id, func(u *User) *Value[int64] { return &u.GID }),
			key("home", "The home directory, an absolute path.", `home: /home/app`, folder("/home/app").kind(), func(u *User) *Value[string] { return &u.Home }),
		},
	}
}

func userKind() kind[Value[User]] {
	const want = "a user, such as 65534:65534 or app, or a mapping with name"
	fromText := kind[User]{
		decode: func(d *decoder, n *node, at string) (User, bool) {
			s, ok := userName.read(d, n, at, want)
			return User{Spec: s}, ok
		},
		schema: userName.schema,
	}
	return located(either(want, fromText, userObject().kind()))
}

// binaryKind is a package, or a package with the place of what is built from it.
func binaryKind() kind[Binary] {
	fromText := kind[Binary]{
		decode: func(d *decoder, n *node, at string) (Binary, bool) {
			v, ok := mainPackage.kind().decode(d, n, at)
			return Binary{Package: v}, ok
		},
		schema: mainPackage.schema,
	}
	return either("a package or a mapping with package", fromText, object[Binary]{
		want: "a mapping", foreign: foreignBinary(),
		fields: []field[Binary]{
			required(key("package", "The main package.", `package: ./cmd/migrate`, mainPackage.kind(), func(b *Binary) *Value[string] { return &b.Package })),
			key("path", "Where the binary is in the image. Without it that is `/app/NAME`.", `path: /usr/local/bin/migrate`,
				absolute("/usr/local/bin/migrate").kind(), func(b *Binary) *Value[string] { return &b.Path }),
		},
	}.kind())
}

// fileObject is one group of files.
func fileObject() object[FileRule] {
	return object[FileRule]{
		want: "a mapping with from and to", foreign: foreignFile(),
		short: "write {from: web/dist, to: /srv/www}",
		fields: []field[FileRule]{
			required(key("from", "A file, a folder or a pattern (`*`, `**`, `?`, `[a-z]`, `{a,b}`), relative to the folder of this file, with slashes.",
				`from: web/dist`, source.kind(), func(f *FileRule) *Value[string] { return &f.From })),
			required(key("to", "The destination, an absolute path in the image.",
				`to: /srv/www`, destination("/srv/www").kind(), func(f *FileRule) *Value[string] { return &f.To })),
			key("mode", "Permissions in octal, in quotes.",
				`mode: "0644"`, fileMode(), func(f *FileRule) *Value[uint32] { return &f.Mode }),
			key("owner", "`UID` or `UID:GID`, in numbers: a layer has no others.", `owner: "0:0"`, fileOwner.kind(), func(f *FileRule) *Value[string] { return &f.Owner }),
			key("exclude", "Patterns of what is left out, as in `.gitignore`.", `exclude: ["*.map", "!keep.map"]`,
				listing{want: "a list of strings", item: plainString}.kind(), func(f *FileRule) *List { return &f.Exclude }),
		},
	}
}

// source is where files come from.
var source = scalar{
	want: "a path relative to the folder of this file", example: "web/dist", quoteless: true,
	refuse: []refusal{
		{`^(/|~|[A-Za-z]:[/\\])`, "an absolute path exists on one machine only", "write it relative to the folder of this file: web/dist"},
	},
	pattern: `^[^\x00-\x1f\x7f]+$`,
}

// filesKind is the list of file groups.
func filesKind() kind[Files] {
	rule := fileObject().kind()
	const want = "a list of mappings with from and to"
	return kind[Files]{
		want: want, fields: rule.fields,
		decode: func(d *decoder, n *node, at string) (Files, bool) {
			if n.kind != list {
				hint := ""
				if n.kind == mapping {
					hint = "begin each with a dash: - {from: web/dist, to: /srv/www}"
				}
				d.mismatch(n, at, want, hint)
				return Files{}, false
			}
			out := Files{Pos: n.pos}
			before := len(d.errs)
			for i, item := range n.items {
				if f, ok := rule.decode(d, item, element(at, i)); ok {
					f.Pos = item.pos
					out.Items = append(out.Items, f)
				}
			}
			return out, len(d.errs) == before
		},
		schema: func() schema { return schema{"type": "array", "items": rule.schema()} },
	}
}
