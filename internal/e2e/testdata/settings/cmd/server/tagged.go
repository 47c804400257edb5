//go:build settings

package main

import "fmt"

func init() { fmt.Println("built with its tag") }
