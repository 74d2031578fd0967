// A receiver in Go (nothing but its own library): `go run receiver.go`
// A real one keeps seen and newest where it keeps the events, and writes all three in one transaction.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

const mostSeen = 100_000

var (
	lock   sync.Mutex
	seen   = map[string]bool{}  // the webhook-id of what was taken
	order  []string             // the same, oldest first
	newest = map[string]int64{} // by client: the webhook-seq of its latest presence
)

type event struct {
	Action string `json:"action"`
	Client string `json:"clientid"`
	From   string `json:"from_clientid"`
}

func take(id string, seq int64, of event) string {
	client := strconv.Quote(of.Client)
	if of.Client == "" {
		client = strconv.Quote(of.From)
	}
	if seen[id] {
		return fmt.Sprintln("repeat", of.Action, client)
	}
	seen[id], order = true, append(order, id)
	if len(order) > mostSeen {
		delete(seen, order[0])
		order = order[1:]
	}
	word := map[string]string{"client_connected": "online", "client_disconnected": "offline"}[of.Action]
	if word == "" {
		return fmt.Sprintln("event", of.Action, client)
	}
	if seq < newest[client] {
		return fmt.Sprintln("stale", of.Action, client)
	}
	newest[client] = seq
	return fmt.Sprintln(word, client)
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	// SIGNATURE: check webhook-signature here, and answer 401 where it is wrong.
	var of event
	if err != nil || json.Unmarshal(body, &of) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.Header.Get("webhook-test") != "true" {
		seq, _ := strconv.ParseInt(r.Header.Get("webhook-seq"), 10, 64)
		lock.Lock()
		fmt.Print(take(r.Header.Get("webhook-id"), seq, of))
		lock.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	port := "5656"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	log.Fatal(http.Serve(listener, http.HandlerFunc(receive)))
}
