import Deskbeat
import Foundation
import Testing

/// The example mappings of a subscription business and a shop, against the tables that their comments show.
@Suite struct RevenueMappingTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The mapping, and the table in its comments with `more` rows behind it.
    private func batch(_ name: String, _ more: String = "") throws -> ReplayBatch {
        let yaml = try String(
            contentsOf: Self.root.appending(path: "deploy/mappings/\(name).yaml"), encoding: .utf8)
        let table = yaml.split(separator: "\n").filter { $0.hasPrefix("#   ") && !$0.contains("deskbeat replay") }
            .map { $0.dropFirst(4) }.joined(separator: "\n")
        return try replay(table + "\n" + more, yaml)
    }

    private func texts(_ batch: ReplayBatch) throws -> [String] {
        try batch.events.map { event in
            let object = try object(event)
            let data = try #require(object["data"] as? [String: Any])
            let type = try #require(object["type"] as? String)
            let time = try #require(object["time"] as? String)
            return (["\(type.dropFirst(8)) \(time)"] + data.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
                .joined(separator: " ")
        }
    }

    @Test func subscriptions() throws {
        let batch = try batch("saas-subscriptions", "C-2,S-9,account_closed,2026-10-01T00:00:00Z,,,,,moved,\n")
        #expect(batch.rejected.isEmpty)
        #expect(
            try texts(batch) == [
                "customer.created 2026-01-10T09:00:00Z customer_id=C-1 segment=smb",
                "subscription.started 2026-01-10T09:00:00Z amount=1200.00 currency=EUR customer_id=C-1 interval=year plan=Pro subscription_id=S-1",
                "subscription.changed 2026-03-01T09:00:00Z amount=150.00 currency=EUR customer_id=C-1 interval=month plan=Pro plus subscription_id=S-1",
                "subscription.cancelled 2026-09-30T09:00:00Z customer_id=C-1 reason=price subscription_id=S-1",
                "customer.closed 2026-10-01T00:00:00Z customer_id=C-2 reason=moved",
            ])
    }

    @Test func purchases() throws {
        let batch = try batch(
            "shop-purchases",
            """
            1045,1,02/02/2026 16:41,,1,"4,50",
            1046,1,02/02/2026 16:42,C-8,0,"4,50",
            1047,1,02/02/2026 16:43,C-8,-1,"4,50",
            1048,1,02/02/2026 16:44,C-8,1,gratis,

            """)
        #expect(
            try texts(batch) == [
                "purchase.completed 2026-01-10T08:12:00Z amount=9.00 customer_id=C-7 purchase_id=1001-1",
                "purchase.completed 2026-01-10T08:12:00Z amount=12.00 customer_id=C-7 purchase_id=1001-2",
                "purchase.refunded 2026-02-02T15:40:00Z amount=4.50 customer_id=C-7 purchase_id=1001-1",
            ])
        #expect(batch.skipped.values.sorted() == [1, 1, 1])
        #expect(batch.rejected.map(\.column) == ["unit_price"])
    }

    @Test(arguments: [
        ("{column: a, strip: \"$,\"}", "\"$1,234.50\"", "1234.50"), ("{column: a, scale: 0.01}", "1999", "19.99"),
        ("{column: a, strip: \"€. \", decimal: \",\"}", "\"1.234,5 €\"", "1234.5"),
        ("{column: a, multiply: b}", "0.1,3", "0.3"), ("{column: a, multiply: [b, b]}", "-2,3", "-18"),
        ("{column: a, multiply: b, absolute: true}", "-2,.5", "1.0"), ("{column: a, scale: 100}", "1.5", "150.0"),
        ("{column: a, scale: 1}", "+1e3", "1000"),
    ]) func numbersAsExportsWriteThem(_ value: String, _ cells: String, _ amount: String) throws {
        let yaml = """
            source: s
            type: support.purchase.completed
            time: t
            data: {customer_id: t, purchase_id: t, amount: \(value)}
            """
        let row = cells.contains(",") && !cells.hasPrefix("\"") ? cells : "\(cells),1"
        let batch = try replay("t,a,b\n2026-01-01,\(row)\n", yaml)
        #expect(batch.rejected.isEmpty)
        let data = try object(#require(batch.events.first))["data"] as? [String: Any]
        #expect(data?["amount"] as? String == amount)
    }

    @Test func boundsInConditions() throws {
        let yaml = """
            source: s
            events:
              - type: support.customer.closed
                when: {a: {above: 0, at_most: 2.5}}
                time: t
                data: {customer_id: a}
              - type: support.customer.created
                when: {a: {below: -1}}
                time: t
                data: {customer_id: a}
            """
        let batch = try replay("t,a\n2026-01-01,0\n2026-01-01,2.50\n2026-01-01,3\n2026-01-01,-2\n2026-01-01,x\n", yaml)
        #expect(try texts(batch).map { $0.prefix(16) } == ["customer.closed ", "customer.created"])
    }
}
