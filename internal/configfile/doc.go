// Package configfile reads .imgo.yaml: it finds the file, checks its structure, its
// types and the grammar of its values, and returns the settings with the place of each.
//
// It promises that whatever is wrong with a file by itself is reported at once, each
// error with file, line, column, the path of the key and, where it can be told, what was
// probably meant; that nothing in a file is ignored, so that a misspelt key is an error;
// and that the text of a value is taken as written: 1.10 as a tag is "1.10".
//
// Not here: defaults, flags and the environment, templates, whether packages, files,
// bases or users exist, and what a file may ask of the go command. That is decided by
// those who use the settings, and they have the positions to complain with.
//
// The keys are a table (keys.go, nested.go, names.go). The decoder, the layering of
// settings ([Settings.Over]), the JSON schema ([Schema]) and the reference
// ([Keys]) are all made from it, and so agree.
//
// YAML as such is dealt with first (syntax.go, node.go): aliases and merge keys are
// replaced by what they stand for, within bounds, and keys that are given twice refused.
// What comes after sees plain mappings, lists and scalars. Values never appear in
// messages where they could be secret: those of variables, arguments and flags.
package configfile
