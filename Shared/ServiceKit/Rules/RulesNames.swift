import BusinessTime
import SupportEvents

/// The closed sets of names that a rules file may use.
public enum RulesNames {
    /// Kinds of window, calendar ones first, then rolling ones, then the present.
    public static let windows = WindowKind.allCases.map(\.name)

    /// Dimensions that breakdowns may combine. Agents are not among them: their KPIs have breakdowns of their own.
    public static let dimensions = [
        "channel", "priority", "category", "subcategory", "team", "tier", "segment", "queue", "tag", "plan",
    ]

    /// A ticket's statuses.
    public static let statuses = TicketStatus.allCases.map(\.name)

    /// Members that carry personal ids.
    public static let pseudonymizable = ["customer_id", "agent_id"]

    /// Members that this module interprets itself.
    static let members = [
        "timezone", "history", "kpis", "breakdowns", "windows", "emit_interval", "min_sample", "priorities",
        "priority_aliases", "status_aliases", "keep_unknown", "keep_comments", "pseudonymize", "max_future",
        "satisfied_from",
    ]

    /// Sections that are checked for their names here and read by the services that they concern.
    public static let sections = [
        "agents", "benchmarks", "business_calendar", "business_calendar_by", "calendars", "count_free",
        "count_reactivation", "currency", "denominator", "goals", "links", "mappings", "margin", "owners", "policies",
        "rates", "repeat_scope", "repeat_window", "service_level", "short_abandon", "shrinkage", "sources", "staffing",
    ]

    /// Every KPI of the catalogue.
    public static let kpis = [
        // Tickets.
        "tickets_created", "tickets_solved", "tickets_reopened", "tickets_resolved", "issue_profile", "contact_profile",
        "backlog_open", "backlog_age", "backlog", "awaiting_first_response", "awaiting_reply", "unassigned",
        "first_response_time", "first_response_time_human", "first_response_time_any", "response_time",
        "response_time_next",
        "resolution_time", "resolution_time_first", "resolution_time_cycle", "requester_wait_time", "time_in_status",
        "first_contact_resolution", "one_touch_resolution", "bot_resolution_rate", "reopen_rate", "replies_per_ticket",
        "transfers_per_ticket",
        // The same durations in business time.
        "first_response_time_business", "first_response_time_human_business", "first_response_time_any_business",
        "response_time_business", "response_time_next_business", "resolution_time_business",
        "resolution_time_first_business", "resolution_time_cycle_business", "requester_wait_time_business",
        // Calls and chats.
        "contacts_offered", "contacts_answered", "contacts_abandoned", "contacts_short_abandoned", "contacts_other",
        "speed_of_answer", "abandon_time", "abandonment_rate", "service_level", "first_call_resolution",
        "contact_transfer_rate", "handle_time", "occupancy", "concurrency", "agents_required", "agents_to_schedule",
        // Agents.
        "agent_tickets_solved", "agent_first_contact_resolution", "agent_first_response_time", "agent_handle_time",
        "agent_contacts_per_hour", "agent_ranking",
        // Satisfaction.
        "csat", "csat_mean", "survey_response_rate", "nps", "ces", "ces_mean", "agent_csat", "feedback_volume",
        "sentiment",
        // Churn and revenue.
        "customers_active", "customers_new", "customers_lost", "customers_returned", "left_and_returned",
        "retention_rate",
        "churn_rate", "retention_rate_simple", "churn_rate_simple", "repeat_customer_rate", "churn_reasons", "mrr",
        "arpa",
        "mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churn", "mrr_reactivation", "revenue_churn_gross",
        "revenue_churn_net", "revenue_retention_gross", "revenue_retention_net", "quick_ratio",
        "revenue_churn_purchases",
        "churn_mix", "upsell_rate", "customer_lifetime_value", "customer_lifetime_value_net",
        "customer_lifetime_value_historic", "support_cost_ratio", "cost_per_issue", "cost_per_solved", "contact_rate",
        // Service levels.
        "sla_attainment", "sla_attainment_with_overdue", "sla_breaches", "sla_at_risk",
    ]
}
