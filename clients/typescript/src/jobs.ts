// Made by ./clarivum jobs types from the declarations of the jobs; do not edit.
import { AnonymiseLeadsSchema, type AnonymiseLeads, DeleteExportsSchema, type DeleteExports, EnrichLeadSchema, type EnrichLead, EraseMemberSchema, type EraseMember, ExportDataSchema, type ExportData, FulfilPurchaseSchema, type FulfilPurchase, ReconcilePrivacySchema, type ReconcilePrivacy, ReconcilePurchasesSchema, type ReconcilePurchases, RevokePurchaseSchema, type RevokePurchase, SendReceiptSchema, type SendReceipt } from "./payloads.js";

/** What each job is given. */
export interface Payloads {
  "leads.enrich": EnrichLead;
  "privacy.anonymise_leads": AnonymiseLeads;
  "privacy.delete_exports": DeleteExports;
  "privacy.erase_member": EraseMember;
  "privacy.export_data": ExportData;
  "privacy.reconcile": ReconcilePrivacy;
  "purchases.fulfil": FulfilPurchase;
  "purchases.reconcile": ReconcilePurchases;
  "purchases.revoke": RevokePurchase;
  "purchases.send_receipt": SendReceipt;
}

export type JobName = keyof Payloads;

/** Each job with its queue and the field that is its idempotency key. */
export const jobs = {
  /** Classify the address by its domain and note the result on the lead. */
  "leads.enrich": { queue: "leads_enrich", key: "lead_id", keyKind: "uuid", schemaVersion: 1, uniqueSeconds: null, payload: EnrichLeadSchema },
  /** Anonymise leads that nobody saw for twelve months, so many at a time; what is left is another run. */
  "privacy.anonymise_leads": { queue: "privacy_anonymise_leads", key: "due_at", keyKind: "moment", schemaVersion: 1, uniqueSeconds: null, payload: AnonymiseLeadsSchema },
  /** Delete files whose link has expired. */
  "privacy.delete_exports": { queue: "privacy_delete_exports", key: "due_at", keyKind: "moment", schemaVersion: 1, uniqueSeconds: null, payload: DeleteExportsSchema },
  /** Erase what can be erased, make a pseudonym of who it was elsewhere, and end all sessions; unless cancelled. */
  "privacy.erase_member": { queue: "privacy_erase_member", key: "erasure_id", keyKind: "uuid", schemaVersion: 1, uniqueSeconds: 3600, payload: EraseMemberSchema },
  /** Collect all that is stored about a member, and keep it as a file for 24 hours. */
  "privacy.export_data": { queue: "privacy_export_data", key: "export_id", keyKind: "uuid", schemaVersion: 1, uniqueSeconds: 3600, payload: ExportDataSchema },
  /** Ask again for every erasure that is past its day and every file that was not made within an hour, and count them. */
  "privacy.reconcile": { queue: "privacy_reconcile", key: "due_at", keyKind: "moment", schemaVersion: 1, uniqueSeconds: null, payload: ReconcilePrivacySchema },
  /** Grant what a payment was for, once per payment, and queue the receipt; nothing if it was refunded meanwhile. */
  "purchases.fulfil": { queue: "purchases_fulfil", key: "occasion", keyKind: "text", schemaVersion: 1, uniqueSeconds: null, payload: FulfilPurchaseSchema },
  /** Ask again for every effect that is missing after a quarter of an hour, and for unsent receipts; and count them. */
  "purchases.reconcile": { queue: "purchases_reconcile", key: "due_at", keyKind: "moment", schemaVersion: 1, uniqueSeconds: null, payload: ReconcilePurchasesSchema },
  /** Take back what a refunded payment gave. A refund that comes before its payment waits in its row for it. */
  "purchases.revoke": { queue: "purchases_revoke", key: "occasion", keyKind: "text", schemaVersion: 1, uniqueSeconds: null, payload: RevokePurchaseSchema },
  /** Mail the receipt to the address of the checkout, else of the profile. The purchase is in its Message-ID. */
  "purchases.send_receipt": { queue: "purchases_send_receipt", key: "purchase_id", keyKind: "uuid", schemaVersion: 1, uniqueSeconds: 5400, payload: SendReceiptSchema },
} as const;
